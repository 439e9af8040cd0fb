// The moment that the table of processes shows: where the cursor rests, else the end of what is seen. In steps, so that
// a moving cursor or a live view does not ask all the time.
import { effect, signal } from "@preact/signals";
import { cursorTime, visibleRange } from "../state/store.ts";

const REST_MS = 150;
const STEP_MS = 5000;

export const momentMs = signal(Date.now());

let timer: ReturnType<typeof setTimeout> | undefined;

effect(() => {
  const cursor = cursorTime.value;
  const atMs = cursor ?? Math.floor(visibleRange.value.to / STEP_MS) * STEP_MS;
  clearTimeout(timer);
  timer = setTimeout(() => {
    momentMs.value = Math.round(atMs);
  }, REST_MS);
});
