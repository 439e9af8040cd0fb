// Answers that a shared file carries inside itself, in an element of type application/json. Nothing is fetched: series
// and events are found by metric and container among all that was saved and cut to the range that is asked for;
// everything else is given as it was saved, under its path and its parameters in order.
import { Failure } from "./failure.ts";
import { queryText } from "./query.ts";
import type { Params, Source } from "./source.ts";
import type { AgentEvent, Events, Series, Timeseries } from "./types.ts";

export const EMBEDDED_ID = "fgm-embedded";
/** What is not part of a saved question's key: the file has one range, in one resolution. */
export const NOT_IN_KEY = ["from", "to", "range", "points"];

export interface Embedded {
  version: 1;
  from: number;
  to: number;
  /** When it was saved: what a range that follows now ends at. */
  now: number;
  /** The link of the view that was saved. */
  view?: string;
  /** What was open beside the charts. */
  drawer?: string;
  replies: Record<string, unknown>;
}

export function embeddedKey(path: string, params: Params): string {
  return `${path}?${queryText(params, NOT_IN_KEY)}`;
}

export function readEmbedded(page: Document): Embedded | null {
  const element = page.getElementById(EMBEDDED_ID);
  if (!element) return null;
  const read = JSON.parse(element.textContent ?? "null") as Embedded | null;
  return read?.version === 1 ? read : null;
}

export class EmbeddedSource implements Source {
  readonly embedded = true;
  private series = new Map<string, Series[]>();
  private events: AgentEvent[] = [];

  constructor(readonly content: Embedded) {
    for (const [key, reply] of Object.entries(content.replies)) {
      if (key.startsWith("/api/timeseries?")) this.keepSeries((reply as Timeseries).series);
      if (key.startsWith("/api/events?")) this.events.push(...(reply as Events).events);
    }
  }

  async get(path: string, params: Params): Promise<unknown> {
    const from = typeof params.from === "number" ? params.from : Number.NEGATIVE_INFINITY;
    const to = typeof params.to === "number" ? params.to : Number.POSITIVE_INFINITY;
    if (path === "/api/timeseries") return this.timeseries(params, from, to);
    if (path === "/api/events") return this.eventsOf(params, from, to);
    const reply = path === "/api/processes" ? this.processesOf(params) : this.content.replies[embeddedKey(path, params)];
    if (reply === undefined) throw missing();
    return reply;
  }

  /** Whether an answer to a question that begins so, and has this parameter, was saved. */
  holds(begin: string, parameter: string): boolean {
    return Object.keys(this.content.replies).some((key) => key.startsWith(begin) && key.includes(parameter));
  }

  /** They were saved at one moment, whichever is asked for. */
  private processesOf(params: Params): unknown {
    const ending = queryText({ container: params.container });
    const key = Object.keys(this.content.replies).find((one) => one.startsWith("/api/processes?") && one.split(/[?&]/).includes(ending));
    return key === undefined ? undefined : this.content.replies[key];
  }

  private keepSeries(series: Series[]): void {
    for (const one of series) this.series.set(one.metric, [...(this.series.get(one.metric) ?? []), one]);
  }

  /** Whatever was saved of the metrics, for those containers: also fewer of them than were saved. */
  private timeseries(params: Params, from: number, to: number): Timeseries {
    const metrics = listOf(params.metric);
    const containers = params.container === undefined ? null : new Set(listOf(params.container));
    if (!metrics.some((metric) => this.series.has(metric) || this.wasAsked(metric))) throw missing();
    const found = metrics.flatMap((metric) => this.series.get(metric) ?? []);
    const meant = found.filter(({ container }) => !containers || container === undefined || containers.has(container));
    return { from, to, series: fullest(cutTimeseries({ from, to, series: meant, notes: [] }, from, to).series), notes: [] };
  }

  /** Where there were more than were saved, a range that begins before the oldest of these lacks some, even if none is in it. */
  private eventsOf(params: Params, from: number, to: number): Events {
    const saved = this.content.replies[embeddedKey("/api/events", params)] as Events | undefined;
    const found = cutEvents(this.events.filter((event) => isMeant(event, params)), from, to);
    if (!saved?.more) return found;
    const oldestMs = Math.floor(saved.events.reduce((least, { time }) => Math.min(least, Date.parse(time)), this.content.to));
    return from < oldestMs ? { ...found, more: true, saved: { count: saved.events.length, oldestMs } } : found;
  }

  private wasAsked(metric: string): boolean {
    const part = `metric=${encodeURIComponent(metric)}`;
    return Object.keys(this.content.replies).some((key) => key.startsWith("/api/timeseries?") && key.split(/[?&]/).includes(part));
  }
}

/** A thing that was saved twice, for the charts and for a comparison, is shown once: as it has most points. */
function fullest(series: Series[]): Series[] {
  const best = new Map<string, Series>();
  for (const one of series) {
    const { metric, container, pod_uid, device, interface: network, pid } = one;
    const key = [metric, container, pod_uid, device, network, pid].join("|");
    if ((best.get(key)?.t.length ?? -1) < one.t.length) best.set(key, one);
  }
  return [...best.values()];
}

function missing(): Failure {
  return new Failure("unknown", "This file does not hold that part of the recording.");
}

function listOf(value: Params[string]): string[] {
  return Array.isArray(value) ? value : value === undefined ? [] : String(value).split(",");
}

function isMeant(event: AgentEvent, params: Params): boolean {
  const kinds = params.kind === undefined ? null : listOf(params.kind);
  if (kinds && !kinds.includes(event.kind)) return false;
  return params.container_id === undefined || event.container_id === params.container_id;
}

export function cutTimeseries(reply: Timeseries, from: number, to: number): Timeseries {
  return { ...reply, from, to, series: reply.series.map((series) => cutSeries(series, from, to)) };
}

function cutSeries(series: Series, from: number, to: number): Series {
  const width = series.width_ms ?? 0;
  const begin = lowerBound(series.t, from - width);
  const end = lowerBound(series.t, to);
  const cut = <T>(values: T[] | undefined) => values?.slice(begin, end);
  const { v, min, max, mean, last } = series;
  return { ...series, t: series.t.slice(begin, end), v: cut(v), min: cut(min), max: cut(max), mean: cut(mean), last: cut(last) };
}

function cutEvents(events: AgentEvent[], from: number, to: number): Events {
  const inside = (event: AgentEvent) => {
    const ms = Date.parse(event.time);
    return ms >= from && ms < to;
  };
  return { events: events.filter(inside), more: false };
}

/** The first index whose time is not before `ms`. */
export function lowerBound(times: ArrayLike<number>, ms: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}
