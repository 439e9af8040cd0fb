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
  private ofCharts: Timeseries[] = [];
  /** The sides of a comparison, which reach beyond the charts, and are of one container each. */
  private ofComparison: Timeseries[] = [];
  private events: AgentEvent[] = [];

  constructor(readonly content: Embedded) {
    for (const [key, reply] of Object.entries(content.replies)) {
      if (key.startsWith("/api/timeseries?")) (/[?&]part=/.test(key) ? this.ofComparison : this.ofCharts).push(reply as Timeseries);
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

  /** Whatever was saved of the metrics, for those containers: also fewer of them than were saved. */
  private timeseries(params: Params, from: number, to: number): Timeseries {
    const metrics = listOf(params.metric);
    const containers = params.container === undefined ? null : new Set(listOf(params.container));
    if (!metrics.some((metric) => this.hasSeries(metric) || this.wasAsked(metric))) throw missing();
    const isMeant = ({ container }: Series) => !containers || container === undefined || containers.has(container);
    const replies = this.inOrder(from, to).map((reply) => cutTimeseries({ ...reply, series: reply.series.filter(isMeant) }, from, to));
    return { from, to, series: metrics.flatMap((metric) => firstOfEach(metric, replies)), notes: [] };
  }

  /**
   * The charts' answers come first, unless only one of the comparison reaches over all that is asked for. One that is longer than
   * the file and the question would be coarser than the charts.
   */
  private inOrder(from: number, to: number): Timeseries[] {
    const reaches = (reply: { from: number; to: number }) => reply.from <= from && reply.to >= to;
    const longest = Math.max(this.content.to - this.content.from, to - from);
    const ahead = reaches(this.content) ? [] : this.ofComparison.filter((reply) => reaches(reply) && reply.to - reply.from <= longest);
    return [...ahead, ...this.ofCharts, ...this.ofComparison];
  }

  /** Where there were more than were saved, a range that begins before the oldest of these lacks some, even if none is in it. */
  private eventsOf(params: Params, from: number, to: number): Events {
    const saved = this.content.replies[embeddedKey("/api/events", params)] as Events | undefined;
    const found = cutEvents(this.events.filter((event) => isMeant(event, params)), from, to);
    if (!saved?.more) return found;
    const oldestMs = Math.floor(saved.events.reduce((least, { time }) => Math.min(least, Date.parse(time)), this.content.to));
    return from < oldestMs ? { ...found, more: true, saved: { count: saved.events.length, oldestMs } } : found;
  }

  private hasSeries(metric: string): boolean {
    return [...this.ofCharts, ...this.ofComparison].some(({ series }) => series.some((one) => one.metric === metric));
  }

  private wasAsked(metric: string): boolean {
    const part = `metric=${encodeURIComponent(metric)}`;
    return Object.keys(this.content.replies).some((key) => key.startsWith("/api/timeseries?") && key.split(/[?&]/).includes(part));
  }
}

/**
 * What was saved twice is shown once: of each container, or pod, all series of the first answer that has values. Within an answer
 * none is there twice, though two may have the same names: processes with a pid that was used again.
 */
function firstOfEach(metric: string, replies: Timeseries[]): Series[] {
  let found: Series[] = [];
  for (const { series } of replies) {
    const there = new Set(found.filter(({ t }) => t.length > 0).map(ownerOf));
    const added = series.filter((one) => one.metric === metric && !there.has(ownerOf(one)));
    const replaced = new Set(added.map(ownerOf));
    found = [...found.filter((one) => !replaced.has(ownerOf(one))), ...added];
  }
  return found;
}

function ownerOf({ container, pod_uid }: Series): string {
  return container ?? pod_uid ?? "";
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
