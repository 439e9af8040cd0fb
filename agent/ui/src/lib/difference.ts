// Two series beside each other: mean, p50, p95, p99 and max of each and how they differ, and both with their starts at 0.
// Of buckets, means are weighed by nothing (all are of one width), quantiles are those of the means, the largest value
// is that of the readings.

/** A series of the API: exact points, or buckets. */
export interface Readings {
  t: number[];
  v?: (number | null)[];
  mean?: (number | null)[];
  max?: (number | null)[];
}

export const FIGURES = ["mean", "p50", "p95", "p99", "max"] as const;
export type FigureName = (typeof FIGURES)[number];
export type Figures = Record<FigureName, number | null>;

export interface Difference {
  name: FigureName;
  one: number | null;
  other: number | null;
  /** The other less the one. */
  change: number | null;
  /** The change in percent of the one; null where that is 0. */
  percent: number | null;
}

export function figuresOf(series: Readings | undefined): Figures {
  const values = present(series?.v ?? series?.mean);
  if (values.length === 0) return { mean: null, p50: null, p95: null, p99: null, max: null };
  const sorted = Float64Array.from(values).sort();
  const largest = present(series?.max).reduce((most, value) => Math.max(most, value), sorted.at(-1)!);
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    max: largest,
  };
}

export function differences(one: Readings | undefined, other: Readings | undefined): Difference[] {
  const [first, second] = [figuresOf(one), figuresOf(other)];
  return FIGURES.map((name) => {
    const [from, to] = [first[name], second[name]];
    const change = from === null || to === null ? null : to - from;
    const percent = change === null || from === null || from === 0 ? null : (change / Math.abs(from)) * 100;
    return { name, one: from, other: to, change, percent };
  });
}

/** A series whose times begin at 0. */
export interface Aligned {
  t: number[];
  v: (number | null)[];
}

/** The times of a series from its own start on, so that another with its own start lies beside it. */
export function aligned(series: Readings, startMs: number): Aligned {
  return { t: series.t.map((ms) => ms - startMs), v: series.v ?? series.mean ?? [] };
}

/** At most so many points, each the mean of a stretch of time: two noisy lines over each other are one blot otherwise. */
export function thinned(series: Aligned, spanMs: number, most: number): Aligned {
  if (series.t.length <= most) return series;
  const width = Math.max(1, Math.ceil(spanMs / most));
  const cells = new Map<number, { sum: number; count: number }>();
  series.t.forEach((ms, index) => {
    const cell = cells.get(Math.floor(ms / width)) ?? { sum: 0, count: 0 };
    const value = series.v[index] ?? null;
    if (value !== null) cells.set(Math.floor(ms / width), { sum: cell.sum + value, count: cell.count + 1 });
    else if (!cells.has(Math.floor(ms / width))) cells.set(Math.floor(ms / width), cell);
  });
  const places = [...cells].sort(([a], [b]) => a - b);
  return {
    t: places.map(([place]) => place * width),
    v: places.map(([, { sum, count }]) => (count === 0 ? null : sum / count)),
  };
}

/** Two series on one time axis: all times of both, each with a value where it has one there. */
export function merged(
  one: Aligned,
  other: Aligned,
): { t: number[]; one: (number | null | undefined)[]; other: (number | null | undefined)[] } {
  const times = [...new Set([...one.t, ...other.t])].sort((a, b) => a - b);
  const place = (series: Aligned) => {
    const at = new Map(series.t.map((ms, index) => [ms, series.v[index] ?? null]));
    return times.map((ms) => at.get(ms));
  };
  return { t: times, one: place(one), other: place(other) };
}

function present(values: (number | null)[] | undefined): number[] {
  return (values ?? []).filter((value): value is number => value !== null && Number.isFinite(value));
}

/** Linear between the two values next to its rank, as the API does it (type 7). */
function quantile(sorted: Float64Array, share: number): number {
  const rank = (sorted.length - 1) * share;
  const below = Math.floor(rank);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (rank - below);
}
