// The present view as a dashboard's JSON, to be kept or saved as a file. Containers are named by their pods' workload
// where they share one, so that the dashboard still fits after a restart; else by what they are called.
import { findContainer, panels, chosenStudies, quickRange, resolvedContainers, visibleRange } from "../state/store.ts";
import { toRfc3339 } from "../lib/time.ts";
import { panelTitles } from "./titles.ts";

export function dashboardOfView(name: string): string {
  const studyOf = (metric: string) =>
    chosenStudies.peek().find((chosen) => chosen.panel === undefined || chosen.panel === metric)?.study;
  const range = visibleRange.peek();
  return `${JSON.stringify({
    schema_version: 1,
    name,
    containers: containersOfView(),
    time_range: quickRange.peek() !== null
      ? { mode: "range", range: quickRange.peek() }
      : { mode: "fixed", from: toRfc3339(range.from), to: toRfc3339(range.to) },
    panels: panels.peek().map((metric) => ({ title: panelTitles.peek().get(metric), metric, study: studyOf(metric) })),
  }, null, 2)}\n`;
}

function containersOfView(): Record<string, string | number> {
  const chosen = resolvedContainers.peek().ids.flatMap((id) => findContainer(id) ?? []);
  const namespace = shared(chosen.map((container) => container.namespace));
  const workload = shared(chosen.map((container) => container.workload));
  const pod = shared(chosen.map((container) => container.pod));
  const prefix = commonStart(chosen.map((container) => container.pod ?? container.container ?? ""));
  const pattern = workload ?? pod ?? (prefix === "" ? "*" : `${prefix}*`);
  return { ...(namespace ? { namespace } : {}), name_pattern: pattern, most: Math.max(1, chosen.length) };
}

function shared(values: (string | null)[]): string | null {
  const [first = null] = values;
  return values.every((value) => value === first) ? first : null;
}

function commonStart(texts: string[]): string {
  let start = texts[0] ?? "";
  for (const text of texts) while (!text.startsWith(start)) start = start.slice(0, -1);
  return start;
}
