// What containers are sorted by in the visible range: a metric's values by container. Asked again when the range has
// moved noticeably.
import { effect, signal } from "@preact/signals";
import * as api from "../data/api.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import { moving, visibleRange } from "../state/store.ts";
import type { SortBy } from "./arrange.ts";

export interface TopValues {
  unit: string;
  byContainer: ReadonlyMap<string, number>;
  problem: string | null;
}

interface Measure {
  metric: string;
  by: "mean" | "max";
}

const MEASURES: Partial<Record<SortBy, Measure>> = {
  cpu: { metric: "cpu_usage_cores", by: "mean" },
  memory: { metric: "memory_working_set_bytes", by: "max" },
  throttling: { metric: "cpu_throttled_percent", by: "mean" },
  oom: { metric: "memory_events_oom_kill_per_second", by: "mean" },
};
const NONE: TopValues = { unit: "", byContainer: new Map(), problem: null };
const MOST = 1000;
const REST_MS = 300;
const MOVED_SHARE = 0.05;

export const topValues = signal<TopValues>(NONE);

/** Keeps the values up to date until the returned function is called. */
export function followTop(sort: SortBy): () => void {
  const measure = MEASURES[sort];
  if (!measure) {
    topValues.value = NONE;
    return () => undefined;
  }
  const giveUp = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked: api.Range | null = null;
  const stop = effect(() => {
    const range = visibleRange.value;
    if (moving.value || (asked && !movedFar(range, asked))) return;
    clearTimeout(timer);
    timer = setTimeout(() => {
      asked = range;
      void ask(measure, range, giveUp.signal);
    }, asked ? REST_MS : 0);
  });
  return () => {
    stop();
    clearTimeout(timer);
    giveUp.abort();
  };
}

async function ask({ metric, by }: Measure, range: api.Range, signal: AbortSignal): Promise<void> {
  try {
    const { unit, entries, from, to } = await api.top({ metric, by, limit: MOST }, range, signal);
    const isCount = unit === "1/s";
    const seconds = (to - from) / 1000;
    const pairs = entries.flatMap((entry): [string, number][] =>
      entry.container === undefined ? [] : [[entry.container, isCount ? Math.round(entry.mean * seconds) : entry[by]]]);
    topValues.value = { unit: isCount ? "count" : unit, byContainer: new Map(pairs), problem: null };
  } catch (thrown) {
    if (!isAbort(thrown)) topValues.value = { ...NONE, problem: sentenceOf(thrown) };
  }
}

function movedFar(range: api.Range, asked: api.Range): boolean {
  const least = (range.to - range.from) * MOVED_SHARE;
  return Math.abs(range.from - asked.from) > least || Math.abs(range.to - asked.to) > least;
}
