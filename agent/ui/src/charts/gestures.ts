// Moves the range by hand on a chart: the wheel zooms at the pointer, a horizontal wheel or a drag with Shift pans, one
// finger pans, two fingers zoom, a double click resets. Dragging without Shift selects, which uPlot does.
import { moveRange, moving, resetRange, settleRange, visibleRange } from "../state/view.ts";

const WHEEL_STEP = 0.0016;
const REST_MS = 180;
const LONGEST_MS = 20 * 365 * 86_400_000;

let restTimer: ReturnType<typeof setTimeout> | undefined;

/** A place that shows the visible range over its whole width. Returns what takes the gestures off again. */
export function listenForGestures(place: HTMLElement): () => void {
  const off = new AbortController();
  const { signal } = off;
  place.addEventListener("wheel", (event) => onWheel(place, event), { signal, passive: false });
  place.addEventListener("dblclick", () => resetRange(), { signal });
  place.addEventListener("mousedown", (event) => {
    if (event.shiftKey && event.button === 0) dragToPan(place, event);
  }, { signal });
  listenForTouch(place, signal);
  return () => off.abort();
}

export function zoomAround(factor: number, share = 0.5): void {
  const { from, to } = visibleRange.peek();
  const span = Math.min((to - from) * factor, LONGEST_MS);
  const middle = from + (to - from) * share;
  moveRange(middle - span * share, middle + span * (1 - share));
}

export function panBy(share: number): void {
  const { from, to } = visibleRange.peek();
  const distance = (to - from) * share;
  moveRange(from + distance, to + distance);
}

/** Says that the range is being moved; when nothing more comes for a moment, it is settled. */
export function keepMoving(): void {
  moving.value = true;
  clearTimeout(restTimer);
  restTimer = setTimeout(settleRange, REST_MS);
}

function onWheel(place: HTMLElement, event: WheelEvent): void {
  const sideways = Math.abs(event.deltaX) > Math.abs(event.deltaY) || event.shiftKey;
  if (!sideways && event.ctrlKey === false && event.deltaY === 0) return;
  event.preventDefault();
  const box = place.getBoundingClientRect();
  const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? box.height : 1;
  keepMoving();
  if (sideways) panBy((unit * (event.deltaX || event.deltaY)) / box.width);
  else zoomAround(Math.exp(unit * event.deltaY * WHEEL_STEP), shareOf(event.clientX, box));
}

function dragToPan(place: HTMLElement, start: MouseEvent): void {
  const { from, to } = visibleRange.peek();
  const msPerPixel = (to - from) / place.getBoundingClientRect().width;
  const off = new AbortController();
  window.addEventListener("mousemove", (event) => {
    keepMoving();
    const distance = (start.clientX - event.clientX) * msPerPixel;
    moveRange(from + distance, to + distance);
  }, { signal: off.signal });
  window.addEventListener("mouseup", () => off.abort(), { signal: off.signal });
  start.preventDefault();
}

interface Touched {
  from: number;
  to: number;
  x: number;
  /** Distance of two fingers; 0 with one. */
  wide: number;
}

function listenForTouch(place: HTMLElement, signal: AbortSignal): void {
  let start: Touched | null = null;
  const begin = (event: TouchEvent) => {
    start = event.touches.length === 0 ? null : { ...visibleRange.peek(), ...fingers(event) };
  };
  place.addEventListener("touchstart", begin, { signal, passive: true });
  place.addEventListener("touchend", begin, { signal, passive: true });
  place.addEventListener("touchmove", (event) => {
    if (!start) return;
    const now = fingers(event);
    const box = place.getBoundingClientRect();
    if (now.wide === 0 && Math.abs(now.x - start.x) < 6) return;
    if (event.cancelable) event.preventDefault();
    keepMoving();
    const span = (start.to - start.from) * (start.wide > 0 && now.wide > 0 ? start.wide / now.wide : 1);
    const held = start.from + (start.to - start.from) * shareOf(start.x, box);
    const from = held - span * shareOf(now.x, box);
    moveRange(from, from + span);
  }, { signal, passive: false });
}

function fingers(event: TouchEvent): { x: number; wide: number } {
  const [one, two] = [event.touches[0]!, event.touches[1]];
  if (!two) return { x: one.clientX, wide: 0 };
  return { x: (one.clientX + two.clientX) / 2, wide: Math.abs(one.clientX - two.clientX) };
}

function shareOf(x: number, box: DOMRect): number {
  return Math.min(1, Math.max(0, (x - box.left) / box.width));
}
