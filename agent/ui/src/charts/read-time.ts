// The moment whose values the legends show: the cursor's, else the end of the range. It follows a little behind, so that
// many legends cost nothing in the frames of a moving chart.
import { effect, signal } from "@preact/signals";
import { cursorTime, moving, visibleRange } from "../state/view.ts";

const BEHIND_MS = 60;

export const readTime = signal({ ms: Date.now(), atEnd: true });

let timer: ReturnType<typeof setTimeout> | null = null;

effect(() => {
  const at = cursorTime.value;
  const { to } = visibleRange.value;
  if (moving.value || timer !== null || (readTime.peek().ms === (at ?? to) && readTime.peek().atEnd === (at === null))) return;
  timer = setTimeout(read, BEHIND_MS);
});

function read(): void {
  timer = null;
  const at = cursorTime.peek();
  readTime.value = { ms: at ?? visibleRange.peek().to, atEnd: at === null };
}
