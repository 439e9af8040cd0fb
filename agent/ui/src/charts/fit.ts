// The range of an axis that fits what is visible. It begins at 0 unless the values are far from it and close together;
// a limit is inside where that does not flatten the values.
import { boundsOf } from "./lines.ts";
import type { Line } from "./lines.ts";

/** A limit up to so many times the largest value is in the picture. */
const LIMIT_WITHIN = 2;
/** Values that differ by less than this share of the largest are looked at closely. */
const CLOSE_TOGETHER = 0.3;
const MARGIN = 0.06;

export interface Extent {
  min: number;
  max: number;
}

export function fitted(lines: Line[], limits: Line[], fromMs: number, toMs: number): Extent {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const line of lines) {
    const bounds = boundsOf(line, fromMs, toMs);
    if (!bounds) continue;
    low = Math.min(low, bounds.low);
    high = Math.max(high, bounds.high);
  }
  if (low > high) return { min: 0, max: 1 };
  for (const limit of limits) {
    const bounds = boundsOf(limit, fromMs, toMs);
    if (bounds && bounds.high <= high * LIMIT_WITHIN) high = Math.max(high, bounds.high);
  }
  const close = low > 0 && high - low < CLOSE_TOGETHER * high;
  if (!close && low >= 0) low = 0;
  const span = high - low || Math.abs(high) || 1;
  return { min: low === 0 ? 0 : low - span * MARGIN, max: high + span * MARGIN };
}
