// What is seen when nothing is chosen: the node, who uses most of it now, and what happened last.
import "./start.css";
import { DashboardLinks } from "../dashboards/dashboard-links.tsx";
import { formatMoment } from "../lib/time.ts";
import { containersKnown, containerTotal, instance, instanceProblem, records } from "../state/store.ts";
import { NewestEvents } from "./newest-events.tsx";
import { NodeOverview, recordedNode } from "./node-overview.tsx";
import { TopList } from "./top-list.tsx";

export function StartPage() {
  return (
    <div class="start">
      <Heading />
      <NodeOverview />
      <div class="cards">
        <TopList title="Most CPU" metrics={["cpu_usage_cores"]} none="No container used CPU within the last hour."
          opens={["cpu_usage_cores", "cpu_throttled_percent", "memory_working_set_bytes"]} />
        <TopList title="Most memory" metrics={["memory_working_set_bytes"]} none="No container's memory is known."
          opens={["memory_working_set_bytes", "memory_working_set_limit_percent", "memory_pressure_some_percent"]} />
        <TopList title="Most pressure" none="No container waited for CPU, memory or disks within the last hour, or this kernel does not tell."
          metrics={["cpu_pressure_some_percent", "memory_pressure_some_percent", "io_pressure_some_percent"]}
          opens={["cpu_pressure_some_percent", "memory_pressure_some_percent", "io_pressure_some_percent"]} />
        <TopList title="Most throttled" metrics={["cpu_throttled_percent"]} none="No container was held back by its CPU quota within the last hour."
          opens={["cpu_usage_cores", "cpu_throttled_percent", "cpu_limit_percent"]} />
        <NewestEvents />
      </div>
      <DashboardLinks />
    </div>
  );
}

function Heading() {
  const known = instance.value;
  if (!known) return <p class="hint" role="status">{instanceProblem.value ?? "Asking the agent…"}</p>;
  const { recorded, node } = known;
  const count = containersKnown.value ? `${containerTotal.value} containers` : "";
  return (
    <header class="start-title">
      <h1>{recordedNode.value ?? node}</h1>
      <p class="hint">{[recorded ? spanText(recorded) : "Nothing is recorded yet.", count].filter(Boolean).join(" · ")}</p>
    </header>
  );
}

function spanText({ from, to }: { from: string; to: string }): string {
  const begin = formatMoment(Date.parse(from));
  return records.value ? `recorded since ${begin}` : `a recording from ${begin} to ${formatMoment(Date.parse(to))}, its end is "now"`;
}
