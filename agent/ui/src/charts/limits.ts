// Which limit belongs to which metric: the line above which nothing goes.

const LIMITS = new Map(Object.entries({
  cpu_usage_cores: "cpu_limit_cores",
  cpu_user_cores: "cpu_limit_cores",
  cpu_system_cores: "cpu_limit_cores",
  memory_current_bytes: "memory_max_bytes",
  memory_working_set_bytes: "memory_max_bytes",
  memory_peak_bytes: "memory_max_bytes",
  memory_stat_anon_bytes: "memory_max_bytes",
  memory_stat_file_bytes: "memory_max_bytes",
  memory_swap_current_bytes: "memory_swap_max_bytes",
  pids_current: "pids_max",
}));

/** The metric of the limit, or null where there is none. */
export function limitOf(metric: string): string | null {
  const ofPods = metric.startsWith("pods.");
  const limit = LIMITS.get(ofPods ? metric.slice("pods.".length) : metric);
  if (limit === undefined) return null;
  return ofPods ? `pods.${limit}` : limit;
}

/** Whether the metric is a share of a limit, so that 100 is the line. */
export function isShareOfLimit(metric: string): boolean {
  return metric.endsWith("_limit_percent");
}
