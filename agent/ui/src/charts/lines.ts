// The series of an answer as lines to draw: exact points, or buckets with least, mean and largest, at the middle of
// each bucket. A null between two points is a gap.
import { lowerBound } from "../data/embedded.ts";
import type { Series } from "../data/types.ts";
import { subjectName } from "../state/names.ts";

export interface Line {
  /** The same for the same thing over time: what it is of, and the metric. */
  key: string;
  /** What the colour goes by: a container, else what it is of. */
  owner: string;
  name: string;
  metric: string;
  unit: string;
  /** How wide a bucket is; 0 where the points are exact. */
  widthMs: number;
  t: number[];
  mid: (number | null)[];
  low: (number | null)[] | null;
  high: (number | null)[] | null;
  /** Where another container of a joined series begins. */
  marks: number[];
  /** The arrays belong to this line alone, so that newer points may be put into them. */
  own: boolean;
}

/** Points from before the range are taken off once they are this share of all. */
const DROP_SHARE = 0.25;

export function linesOf(series: Series[]): Line[] {
  return series.map(lineOf);
}

export function keyOf(series: Series): string {
  const { metric, container, pod_uid, pod, namespace, workload, device, interface: network, pid } = series;
  return [metric, container ?? pod_uid ?? pod ?? workload ?? namespace ?? "", device ?? "", network ?? "", pid ?? ""].join("|");
}

function lineOf(series: Series): Line {
  const exact = series.resolution === "raw";
  const widthMs = exact ? 0 : (series.width_ms ?? 0);
  const half = widthMs / 2;
  return {
    key: keyOf(series),
    owner: series.container ?? series.pod_uid ?? series.device ?? series.node ?? series.workload ?? "all",
    name: subjectName(series),
    metric: series.metric,
    unit: series.unit,
    widthMs,
    t: half === 0 ? series.t : series.t.map((ms) => ms + half),
    mid: (exact ? series.v : series.mean) ?? [],
    low: exact ? null : (series.min ?? null),
    high: exact ? null : (series.max ?? null),
    marks: series.marks ?? [],
    own: false,
  };
}

/** The line with newer exact points at its end; those from long before `fromMs` go. */
export function extended(line: Line, series: Series, fromMs: number): Line {
  const lastMs = line.t[line.t.length - 1] ?? Number.NEGATIVE_INFINITY;
  const begin = lowerBound(series.t, lastMs + line.widthMs / 2 + 1);
  const values = series.v ?? series.mean ?? [];
  if (begin >= values.length) return line;
  const next = line.own ? { ...line } : ownCopy(line);
  for (let at = begin; at < values.length; at += 1) {
    next.t.push(series.t[at]!);
    next.mid.push(values[at] ?? null);
    next.low?.push(values[at] ?? null);
    next.high?.push(values[at] ?? null);
  }
  dropBefore(next, fromMs);
  return next;
}

function ownCopy(line: Line): Line {
  const { t, mid, low, high } = line;
  return { ...line, own: true, t: t.slice(), mid: mid.slice(), low: low && low.slice(), high: high && high.slice() };
}

function dropBefore(line: Line, fromMs: number): void {
  const drop = lowerBound(line.t, fromMs) - 1;
  if (drop < line.t.length * DROP_SHARE) return;
  for (const values of [line.t, line.mid, line.low, line.high]) values?.splice(0, drop);
}

/** The value at a moment: of the bucket that holds it, or of the reading next to it; null in a gap. */
export function valueAt(line: Line, ms: number, reachMs: number): { value: number; low: number; high: number } | null {
  const { t } = line;
  let at = lowerBound(t, ms);
  if (at > 0 && (at === t.length || ms - t[at - 1]! < t[at]! - ms)) at -= 1;
  const found = t[at];
  if (found === undefined || Math.abs(found - ms) > Math.max(reachMs, line.widthMs / 2 + 1)) return null;
  const value = line.mid[at] ?? null;
  if (value === null) return null;
  return { value, low: line.low?.[at] ?? value, high: line.high?.[at] ?? value };
}

/** Least and largest value of what is visible; null where there is nothing. */
export function boundsOf(line: Line, fromMs: number, toMs: number): { low: number; high: number } | null {
  const begin = lowerBound(line.t, fromMs - line.widthMs / 2);
  const end = lowerBound(line.t, toMs + line.widthMs / 2 + 1);
  const lows = line.low ?? line.mid;
  const highs = line.high ?? line.mid;
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let at = begin; at < end; at += 1) {
    const least = lows[at];
    const most = highs[at];
    if (least !== null && least !== undefined && least < low) low = least;
    if (most !== null && most !== undefined && most > high) high = most;
  }
  return low <= high ? { low, high } : null;
}
