// The moment that the table of processes shows: where the cursor rests or was last, else the end of what is seen. In
// steps, so that a moving cursor or a live view does not ask all the time. A view that follows now shows now. While the table is
// open, the link has it: `processes=TIME`, or `processes=end`.
import { batch, computed, effect, signal } from "@preact/signals";
import type { Range } from "../data/api.ts";
import { parseTime, toRfc3339 } from "../lib/time.ts";
import { cursorTime, follows, instance, records, showView, view, visibleRange } from "../state/store.ts";

const REST_MS = 150;
const STEP_MS = 5000;
const PROCESSES = "processes";
const END = "end";

export const momentMs = signal(Date.now());
/** The same as the link has it; null until it is known what now is. */
const momentText = signal<string | null>(null);
export const momentKnown = computed(() => momentText.value !== null);

const asked = computed(() => view.value.extra[PROCESSES]);
/** Whether the link says that the processes are shown. */
export const asksProcesses = computed(() => asked.value !== undefined);

let lastCursor: number | null = null;
let written: string | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** The moment that the link names. */
export function namedMoment(): number | null {
  const text = asked.value;
  return text === undefined || text === END ? null : parseTime(text);
}

/** The moment of a range: the one that is wanted where that is seen, else its end. */
export function momentOf(range: Range, wanted: number | null): number {
  return wanted !== null && isSeen(range, wanted) ? Math.round(wanted) : Math.floor(range.to / STEP_MS) * STEP_MS;
}

function isSeen({ from, to }: Range, ms: number): boolean {
  return ms >= from && ms <= to;
}

effect(() => {
  const range = visibleRange.value;
  if (asked.value !== written && asked.value !== undefined) {
    lastCursor = namedMoment();
    written = asked.value;
  }
  lastCursor = cursorTime.value ?? lastCursor;
  if (instance.value === null) return;
  const keeps = lastCursor !== null && isSeen(range, lastCursor);
  if (!keeps || (follows.value && records.value && cursorTime.value === null)) lastCursor = null;
  const atMs = momentOf(range, lastCursor);
  const text = lastCursor === null ? END : toRfc3339(atMs);
  clearTimeout(timer);
  timer = setTimeout(() => batch(() => {
    momentMs.value = atMs;
    momentText.value = text;
  }), REST_MS);
});

/** Has the link name the moment, until the function that it returns is called. */
export function keepMoment(): () => void {
  let last: string | null = null;
  const stop = effect(() => {
    const text = momentText.value;
    if (text === null || (text === last && asked.value !== undefined)) return;
    last = text;
    written = text;
    if (asked.peek() !== text) showView({ ...view.peek(), extra: { ...view.peek().extra, [PROCESSES]: text } }, false);
  });
  return () => {
    stop();
    written = undefined;
    const { [PROCESSES]: _, ...extra } = view.peek().extra;
    showView({ ...view.peek(), extra }, false);
  };
}
