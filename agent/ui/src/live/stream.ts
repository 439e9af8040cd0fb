// New points as they are taken, while now is in the picture and the tab is seen. One stream for the containers' metrics
// and one for the node's; a stream that breaks is begun anew after a while, and what was missed is asked for.
import { computed, effect, signal } from "@preact/signals";
import * as api from "../data/api.ts";
import { reachable } from "../data/http.ts";
import { queryText } from "../data/query.ts";
import { source } from "../data/source.ts";
import { fetchOnceAllowed } from "../data/token.ts";
import type { Timeseries } from "../data/types.ts";
import { intervalMs, nowMs, records, tabHidden } from "../state/clock.ts";
import { isOfNode, metricByName, resolvedContainers } from "../state/names.ts";
import { panels, touchesNow } from "../state/view.ts";
import { limitOf } from "../charts/limits.ts";
import type { SeriesData } from "../charts/series-data.ts";
import { readEvents } from "./event-stream.ts";

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;
/** So many intervals without a point, and at least this long, are late. */
const LATE_INTERVALS = 5;
const LATE_AT_LEAST_MS = 5000;
/** A stream that is silent for so many times what is late has broken, though nobody said so. */
const BROKEN_TIMES_LATE = 2;

/** The panels' data, which take the points. */
export const takers = new Set<SeriesData>();

export const streaming = signal(false);
export const lastPointMs = signal(0);

export type LiveState = "off" | "live" | "connecting" | "late" | "gone";

const lateAfterMs = computed(() => Math.max(LATE_AT_LEAST_MS, LATE_INTERVALS * intervalMs.value));
const lateMs = computed(() => {
  const since = nowMs.value - lastPointMs.value;
  return lastPointMs.value > 0 && since > lateAfterMs.value ? since : 0;
});

export const liveState = computed<LiveState>(() => {
  if (source().embedded) return "off";
  if (!reachable.value) return "gone";
  if (!records.value || !touchesNow.value) return "off";
  if (panels.value.length === 0) return "live";
  if (lateMs.value > 0) return "late";
  return streaming.value ? "live" : "connecting";
});
export const liveLateMs = lateMs;

export function startLive(): void {
  if (source().embedded) return;
  let streams: Stream[] = [];
  let what = "";
  effect(() => {
    const next = tabHidden.value || !records.value || !touchesNow.value || metricByName.value.size === 0 ? [] : addresses();
    if (next.join() === what) return;
    what = next.join();
    streams.forEach((stream) => stream.stop());
    streaming.value = false;
    lastPointMs.value = 0;
    streams = next.map((address) => new Stream(address));
  });
  let wasReachable = true;
  effect(() => {
    if (reachable.value && !wasReachable) {
      resume();
      streams.forEach((stream) => stream.beginNow());
    }
    wasReachable = reachable.value;
  });
}

function addresses(): string[] {
  const { ids } = resolvedContainers.value;
  const ofNode = panels.value.filter(isOfNode);
  const shown = panels.value.filter((metric) => !isOfNode(metric) && metricByName.value.has(metric));
  const ofContainers = [...new Set(shown.flatMap((metric) => [metric, limitOf(metric) ?? metric]))];
  const found: string[] = [];
  if (ofContainers.length > 0 && ids.length > 0) found.push(queryText({ metric: ofContainers, container: ids }));
  if (ofNode.length > 0) found.push(queryText({ metric: ofNode.filter((metric) => metricByName.value.has(metric)) }));
  return found.filter((query) => query !== "").map((query) => `./api/live?${query}`);
}

function resume(): void {
  for (const taker of takers) taker.forget();
}

/** At most one connection at a time: each beginning closes the one before. */
class Stream {
  private reading = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private waitMs = FIRST_WAIT_MS;
  private broke = false;
  private stopped = false;

  constructor(private readonly address: string) {
    this.begin();
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.reading.abort();
  }

  /** Also where the old connection seems open: of an agent that is gone it may hang for ever. */
  beginNow(): void {
    this.waitMs = FIRST_WAIT_MS;
    this.broke = true;
    this.begin();
  }

  private begin(): void {
    if (this.stopped) return;
    this.reading.abort();
    this.reading = new AbortController();
    void this.read(this.reading.signal);
    this.expectMore();
  }

  private async read(signal: AbortSignal): Promise<void> {
    try {
      const answer = await fetchOnceAllowed(this.address, { signal, headers: { Accept: "text/event-stream" } });
      if (answer.ok && answer.body) {
        await readEvents(answer.body, ({ name, data }) => {
          if (name === "series" && !signal.aborted) this.take(JSON.parse(data) as Timeseries);
        });
      }
    } catch {
      // Broken or given up; in both cases there is no more to read.
    }
    if (!signal.aborted) this.again();
  }

  private take(reply: Timeseries): void {
    this.waitMs = FIRST_WAIT_MS;
    this.expectMore();
    reachable.value = true;
    streaming.value = true;
    let newest = lastPointMs.peek();
    for (const series of reply.series) newest = Math.max(newest, series.t[series.t.length - 1] ?? 0);
    lastPointMs.value = newest;
    if (this.broke) resume();
    this.broke = false;
    for (const taker of takers) taker.append(reply.series);
  }

  private expectMore(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.again(), BROKEN_TIMES_LATE * lateAfterMs.peek());
  }

  /** Waits longer each time, so that a server that is down is not hammered. */
  private again(): void {
    this.reading.abort();
    if (this.stopped) return;
    this.broke = true;
    streaming.value = false;
    // Whether the agent is gone or only has too many streams, another question tells.
    api.instance().catch(() => undefined);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.begin(), this.waitMs);
    this.waitMs = Math.min(LONGEST_WAIT_MS, this.waitMs * 2);
  }
}
