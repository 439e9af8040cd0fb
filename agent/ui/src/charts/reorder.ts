// Puts a panel elsewhere by hand: drag its title, or its handle with a finger, to the panel whose place it is to take. Escape
// or a broken touch leaves all as it was, and so does the panel's going. Charts know nothing of it: the drag begins at the
// panel's head.
import { signal } from "@preact/signals";
import { movePanel, panels } from "../state/store.ts";

export interface Dragged {
  from: number;
  /** The place that it would take; the same as `from` where nothing would change. */
  to: number;
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** A press that moves less is a click. */
const BEGINS_AFTER_PX = 5;
/** So near to the upper or lower edge the list moves on by itself. */
const EDGE_PX = 40;
const EDGE_STEP_PX = 9;

export const dragged = signal<Dragged | null>(null);

/** The place under a point: the box that holds it, else the next one. */
export function placeAt(boxes: Box[], x: number, y: number): number {
  const away = ({ left, top, right, bottom }: Box) =>
    Math.hypot(Math.max(left - x, 0, x - right), Math.max(top - y, 0, y - bottom));
  let best = 0;
  boxes.forEach((box, at) => {
    if (away(box) < away(boxes[best]!)) best = at;
  });
  return best;
}

/** How far the list moves on in a frame while the pointer is at its edge. */
export function stepAtEdge(y: number, { top, bottom }: Pick<Box, "top" | "bottom">): number {
  if (y < top + EDGE_PX) return -EDGE_STEP_PX;
  return y > bottom - EDGE_PX ? EDGE_STEP_PX : 0;
}

/** Where the panel of a metric is put now; null where it is gone or stays. The list may have changed during the drag. */
export function moveOf(metric: string | undefined, to: number): [from: number, to: number] | null {
  const from = metric === undefined ? -1 : panels.peek().indexOf(metric);
  return from < 0 || from === to ? null : [from, to];
}

/** Follows a pointer that was pressed on the head of the panel at `from` until it is let go. */
export function beginReorder(start: PointerEvent, from: number): void {
  const head = start.currentTarget as HTMLElement;
  const list = head.closest(".panels");
  if (start.button !== 0 || !start.isPrimary || !list || list.children.length < 2) return;
  const metric = panels.peek()[from];
  const panel = head.closest("[data-panel]");
  const off = new AbortController();
  const at = { x: start.clientX, y: start.clientY };
  const place = () => {
    const boxes = [...list.querySelectorAll("[data-panel]")].map((panel) => panel.getBoundingClientRect());
    const to = placeAt(boxes, at.x, at.y);
    if (dragged.peek()?.to !== to) dragged.value = { from, to };
  };
  const end = (keeps: boolean) => {
    off.abort();
    const last = dragged.peek();
    dragged.value = null;
    const move = keeps && last ? moveOf(metric, last.to) : null;
    if (!move) return;
    movePanel(...move);
    // A browser keeps its place at what was above, which may have gone below.
    requestAnimationFrame(() => panel?.scrollIntoView({ block: "nearest" }));
  };
  // An element that goes hears of nothing any more, so the window listens.
  const stays = () => {
    if (!head.isConnected) end(false);
    return head.isConnected;
  };
  const own = (event: PointerEvent) => event.pointerId === start.pointerId;
  head.setPointerCapture(start.pointerId);
  const { signal: until } = off;
  window.addEventListener("pointermove", (event) => {
    if (!own(event) || !stays()) return;
    const begins = dragged.peek() === null;
    if (begins && Math.hypot(event.clientX - at.x, event.clientY - at.y) < BEGINS_AFTER_PX) return;
    Object.assign(at, { x: event.clientX, y: event.clientY });
    place();
    if (begins) moveAtEdges(list, at, { stays, moved: place }, until);
  }, { signal: until });
  window.addEventListener("pointerup", (event) => own(event) && end(head.isConnected), { signal: until });
  window.addEventListener("pointercancel", (event) => own(event) && end(false), { signal: until });
  window.addEventListener("lostpointercapture", (event) => own(event) && end(false), { signal: until });
  window.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || dragged.peek() === null) return;
    event.preventDefault();
    event.stopPropagation();
    end(false);
  }, { signal: until, capture: true });
}

/** A list that is longer than the window moves on while the pointer rests at its edge. */
function moveAtEdges(list: Element, at: { y: number }, { stays, moved }: { stays: () => boolean; moved: () => void }, until: AbortSignal): void {
  const pane = list.closest(".middle");
  if (!pane) return;
  const frame = () => {
    if (until.aborted || !stays()) return;
    const before = pane.scrollTop;
    pane.scrollTop += stepAtEdge(at.y, pane.getBoundingClientRect());
    if (pane.scrollTop !== before) moved();
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
