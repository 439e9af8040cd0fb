// The moment that the table of processes shows: where the cursor rests or was last, else the end of what is seen. In
// steps, so that a moving cursor or a live view does not ask all the time. A view that follows now shows now.
import { effect, signal } from "@preact/signals";
import { cursorTime, follows, records, visibleRange } from "../state/store.ts";

const REST_MS = 150;
const STEP_MS = 5000;

export const momentMs = signal(Date.now());

let lastCursor: number | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;

effect(() => {
  const { from, to } = visibleRange.value;
  lastCursor = cursorTime.value ?? lastCursor;
  const keeps = lastCursor !== null && lastCursor >= from && lastCursor <= to;
  if (!keeps || (follows.value && records.value && cursorTime.value === null)) lastCursor = null;
  const atMs = lastCursor ?? Math.floor(to / STEP_MS) * STEP_MS;
  clearTimeout(timer);
  timer = setTimeout(() => {
    momentMs.value = Math.round(atMs);
  }, REST_MS);
});
