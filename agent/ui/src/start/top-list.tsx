// The containers that have most of something now, with a bar each. A row opens the container with the panels that show
// why it is there.
import { showOnly } from "../choose/choice.ts";
import * as api from "../data/api.ts";
import type { TopEntry } from "../data/types.ts";
import { formatValue } from "../lib/units.ts";
import { useAsked } from "../lib/use-asked.ts";
import { topRange } from "./now-range.ts";

export interface TopListProps {
  title: string;
  /** Several metrics of one unit: the largest counts. */
  metrics: string[];
  opens: string[];
  /** Shown where no container has more than nothing. */
  none: string;
}

interface Entry {
  id: string;
  name: string;
  place: string;
  value: number;
}

const SHOWN = 5;
const LATELY_MS = 3_600_000;

export function TopList({ title, metrics, opens, none }: TopListProps) {
  const range = topRange.value;
  const { reply, problem } = useAsked(`${metrics} ${range?.to}`, range && ((signal) => nowOrLately(metrics, range, signal)));
  const { entries, unit, when } = reply ?? { entries: [], unit: "", when: "now" };
  const most = entries[0]?.value ?? 1;
  return (
    <section class="card">
      <div class="start-head">
        <h3>{title} {when}</h3>
        {entries.length > 0 && (
          <button type="button" class="quiet" aria-label={`Open all of ${title} as charts`}
            onClick={() => showOnly(entries.map((entry) => entry.id), opens)}>Open all</button>
        )}
      </div>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {!problem && entries.length === 0 && <p class="hint">{reply ? none : "…"}</p>}
      <ol class="top-list">
        {entries.map((entry) => (
          <li key={entry.id}>
            <button type="button" class="top-entry" onClick={() => showOnly([entry.id], opens)}>
              <span class="top-bar" style={{ width: `${Math.max(1, (100 * entry.value) / most)}%` }} aria-hidden="true" />
              <span class="top-name">{entry.name}<small>{entry.place}</small></span>
              <span class="top-value">{formatValue(entry.value, unit)}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

interface Found {
  entries: Entry[];
  unit: string;
  when: string;
}

/** Where nothing is to be told of now, the last hour may have something. */
async function nowOrLately(metrics: string[], range: api.Range, signal: AbortSignal): Promise<Found> {
  const lately = { from: range.to - LATELY_MS, to: range.to };
  let unit = "";
  for (const [when, span] of [["now", range], ["in the last hour", lately]] as const) {
    const tops = await Promise.all(metrics.map((metric) => api.top({ metric, limit: SHOWN }, span, signal)));
    const entries = largest(tops.flatMap((top) => top.entries));
    unit = tops[0]?.unit ?? "";
    if (entries.length > 0) return { entries, unit, when };
  }
  return { entries: [], unit, when: "now" };
}

function largest(all: TopEntry[]): Entry[] {
  const best = new Map<string, Entry>();
  for (const entry of all) {
    const id = entry.container;
    if (id === undefined || !(entry.mean > 0) || (best.get(id)?.value ?? 0) >= entry.mean) continue;
    best.set(id, { id, value: entry.mean, ...namesOf(entry) });
  }
  return [...best.values()].sort((a, b) => b.value - a.value).slice(0, SHOWN);
}

function namesOf({ pod, container_name: name, namespace, container = "" }: TopEntry): { name: string; place: string } {
  if (pod === undefined) return { name: name ?? container, place: namespace ?? "" };
  const parts = [namespace, pod === name ? undefined : name].filter(Boolean);
  return { name: pod, place: parts.join(" / ") };
}
