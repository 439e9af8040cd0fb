// What "now" means on the start page: the last minute, moved on every few seconds while somebody records. Of a recording
// that is over, it is its last minute.
import { computed } from "@preact/signals";
import { instance, nowMs } from "../state/store.ts";

const STEP_MS = 10_000;
const TOP_MS = 60_000;
const NODE_MS = 15 * 60_000;

const steppedMs = computed(() => Math.ceil(nowMs.value / STEP_MS) * STEP_MS);

/** null until the agent has said what it has. */
export const topRange = computed(() => rangeOf(TOP_MS));
export const nodeRange = computed(() => rangeOf(NODE_MS));

function rangeOf(spanMs: number): { from: number; to: number } | null {
  if (!instance.value) return null;
  return { from: steppedMs.value - spanMs, to: steppedMs.value };
}
