// The keys that work anywhere on the page, except where somebody types. Also the list that the help shows.
import { keepMoving, panBy, zoomAround } from "./charts/gestures.ts";
import {
  cursorTime, drawer, helpOpen, quickRange, resetRange, setQuickRange, setTheme, theme, visibleRange, wantSearch,
  zoomBack, zoomForward,
} from "./state/store.ts";

const PAN_SHARE = 0.2;
const ZOOM_FACTOR = 1.5;
const CURSOR_SHARE = 0.01;
const LIVE_RANGE = "15m";

export const KEYS: [string, string][] = [
  ["← →", "move through time"],
  ["Shift ← →", "move the cursor; the legends show its values"],
  ["+ −", "zoom in and out, at the cursor"],
  ["r", "show the whole range again"],
  ["l", "live: follow now"],
  ["[ ]", "back and forward through zooms"],
  ["/", "search containers and metrics"],
  ["t", "light or dark"],
  ["?", "this help"],
  ["Esc", "close what is open"],
];

const ACTIONS: Record<string, () => void> = {
  ArrowLeft: () => pan(-PAN_SHARE),
  ArrowRight: () => pan(PAN_SHARE),
  "+": () => zoom(1 / ZOOM_FACTOR),
  "=": () => zoom(1 / ZOOM_FACTOR),
  "-": () => zoom(ZOOM_FACTOR),
  "_": () => zoom(ZOOM_FACTOR),
  r: resetRange,
  l: () => setQuickRange(quickRange.peek() ?? LIVE_RANGE),
  "[": zoomBack,
  "]": zoomForward,
  "/": wantSearch,
  t: () => setTheme(theme.peek() === "dark" ? "light" : "dark"),
  "?": () => (helpOpen.value = !helpOpen.peek()),
  Escape: close,
};

/** What lies under a question that has to be answered first is not moved; Escape is the dialogue's own. */
const ASKS = ".token-dialog";
const TYPED_IN = "input, textarea, select, [contenteditable=true]";
/** Where arrows have a meaning of their own. */
const USES_ARROWS = "[role=listbox], [role=slider], [role=menu], [role=tablist], [role=grid], [role=radiogroup]";

export function startKeyboard(): void {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest(ASKS)) return;
    if (target?.closest(TYPED_IN) && event.key !== "Escape") return;
    const isArrow = event.key === "ArrowLeft" || event.key === "ArrowRight";
    if (isArrow && target?.closest(USES_ARROWS)) return;
    if (isArrow && event.shiftKey) moveCursor(event.key === "ArrowLeft" ? -CURSOR_SHARE : CURSOR_SHARE);
    else if (Object.hasOwn(ACTIONS, event.key)) ACTIONS[event.key]!();
    else return;
    event.preventDefault();
  });
}

function pan(share: number): void {
  keepMoving();
  panBy(share);
}

function zoom(factor: number): void {
  const { from, to } = visibleRange.peek();
  const at = cursorTime.peek();
  keepMoving();
  zoomAround(factor, at === null ? 0.5 : (at - from) / (to - from));
}

function moveCursor(share: number): void {
  const { from, to } = visibleRange.peek();
  const at = cursorTime.peek() ?? (share < 0 ? to : from);
  cursorTime.value = Math.min(to, Math.max(from, at + share * (to - from)));
}

function close(): void {
  if (helpOpen.peek()) helpOpen.value = false;
  else if (drawer.peek() !== null) drawer.value = null;
  else cursorTime.value = null;
}
