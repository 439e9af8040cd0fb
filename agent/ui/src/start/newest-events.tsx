// What happened last: each event opens its container around that moment.
import { batch } from "@preact/signals";
import { showOnly } from "../choose/choice.ts";
import * as api from "../data/api.ts";
import type { AgentEvent } from "../data/types.ts";
import { formatAgo, formatMoment } from "../lib/time.ts";
import { useAsked } from "../lib/use-asked.ts";
import { instance, nowMs, setRange } from "../state/store.ts";
import { topRange } from "./now-range.ts";

const SHOWN = 12;
const AROUND_MS = 5 * 60_000;
const PANELS_BY_KIND: Record<string, string[]> = {
  oom_kill: ["memory_working_set_bytes", "memory_pressure_some_percent"],
  throttling_begin: ["cpu_usage_cores", "cpu_throttled_percent"],
  throttling_end: ["cpu_usage_cores", "cpu_throttled_percent"],
};
const OTHER_PANELS = ["cpu_usage_cores", "memory_working_set_bytes"];

export function NewestEvents() {
  const { reply, problem } = useAsked(String(topRange.value?.to), instance.value && ((signal) =>
    api.events({ limit: SHOWN }, null, signal)));
  const events = reply?.events ?? [];
  return (
    <section class="card wide" aria-labelledby="events-title">
      <div class="start-head"><h3 id="events-title">Newest events</h3></div>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {!problem && events.length === 0 && <p class="hint">{reply ? "Nothing has happened yet." : "…"}</p>}
      <ol class="event-list">{events.map((event, index) => <li key={`${event.time} ${index}`}><EventRow event={event} /></li>)}</ol>
    </section>
  );
}

function EventRow({ event }: { event: AgentEvent }) {
  const ms = Date.parse(event.time);
  const who = event.pod ? `${event.namespace ? `${event.namespace} / ` : ""}${event.pod}` : "";
  const texts = (
    <>
      <time dateTime={event.time} title={formatMoment(ms)}>{formatAgo(ms, nowMs.value)}</time>
      <span class={`event-kind ${severityOf(event.kind)}`}>{event.kind.replaceAll("_", " ")}</span>
      <span class="event-text">{who !== "" && <b>{who} </b>}{shortened(event)}</span>
    </>
  );
  const id = event.container_id;
  if (id === undefined) return <div class="event-row">{texts}</div>;
  return <button type="button" class="event-row" onClick={() => show(id, event.kind, ms)}>{texts}</button>;
}

function show(id: string, kind: string, ms: number): void {
  batch(() => {
    setRange(ms - AROUND_MS, ms + AROUND_MS);
    showOnly([id], PANELS_BY_KIND[kind] ?? OTHER_PANELS);
  });
}

function severityOf(kind: string): string {
  if (kind === "oom_kill") return "critical";
  return /throttling_begin|restart|terminated|missed|shed/.test(kind) ? "warning" : "";
}

/** Paths of cgroups are longer than a line; the container's name says more, or else their ends enough. */
function shortened({ message, container }: AgentEvent): string {
  return message.replace(/\/\S{40,}/g, (path) => container ?? `…${path.slice(-24)}`);
}
