// Metrics that are looked at together: a click shows a set for the chosen containers.

export interface MetricSet {
  name: string;
  metrics: string[];
}

export const METRIC_SETS: readonly MetricSet[] = [
  {
    name: "CPU",
    metrics: ["cpu_usage_cores", "cpu_throttled_percent", "cpu_user_cores", "cpu_system_cores", "cpu_pressure_some_percent"],
  },
  {
    name: "Memory",
    metrics: ["memory_working_set_bytes", "memory_current_bytes", "memory_stat_anon_bytes", "memory_stat_file_bytes",
      "memory_pressure_some_percent", "memory_events_oom_kill_per_second"],
  },
  {
    name: "IO",
    metrics: ["io_read_bytes_per_second", "io_write_bytes_per_second", "io_read_ios_per_second", "io_write_ios_per_second",
      "io_pressure_some_percent"],
  },
  {
    name: "Network",
    metrics: ["network.receive_bytes_per_second", "network.transmit_bytes_per_second", "network.dropped_per_second",
      "network.tcp_retransmit_percent"],
  },
  {
    name: "Pressure",
    metrics: ["cpu_pressure_some_percent", "memory_pressure_some_percent", "memory_pressure_full_percent",
      "io_pressure_some_percent", "io_pressure_full_percent"],
  },
];

/** What is shown of a container that is chosen when there is no panel yet. */
export const FIRST_PANELS = ["cpu_usage_cores", "memory_working_set_bytes"];
