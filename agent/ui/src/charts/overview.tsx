// The strip above the panels: all that is recorded, with the visible range as a window that can be dragged and resized
// at its edges. It shows the first panel's metric, or the node's CPU use.
import { signal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import * as api from "../data/api.ts";
import { formatMoment, formatTime } from "../lib/time.ts";
import {
  instance, isOfNode, metricByName, moveRange, moving, nowMs, panels, recordedFromMs, resolvedContainers, settleRange,
  theme, visibleRange, zoomTo,
} from "../state/store.ts";
import { themeColour } from "./colours.ts";
import { fitted } from "./fit.ts";
import { linesOf } from "./lines.ts";
import type { Line } from "./lines.ts";
import { paintLine } from "./paint.ts";

const HEIGHT = 36;
const ASK_AGAIN_AT_LEAST_MS = 5000;
const ASK_AGAIN_AT_MOST_MS = 60_000;
const MOST_LINES = 3;
const LEAST_WINDOW_PX = 6;
const FALLBACK = "node.cpu_usage_cores";
const KEY_STEP = 0.1;
const WHOLE_SHARE = 0.95;

interface Whole {
  from: number;
  to: number;
}

/** All that is recorded, and the visible range where it goes beyond. */
function wholeRange(): Whole {
  const from = recordedFromMs.value;
  return { from, to: Math.max(nowMs.value, from + 1000) };
}

export function Overview() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const strip = useRef<HTMLDivElement>(null);
  const pane = useRef<HTMLDivElement>(null);
  const lines = useMemo(() => signal<Line[]>([]), []);
  const width = useMemo(() => signal(0), []);
  useEffect(() => {
    const watch = new ResizeObserver(() => (width.value = strip.current?.clientWidth ?? 0));
    watch.observe(strip.current!);
    return () => watch.disconnect();
  }, []);
  useOverviewLines(lines, width);
  useSignalEffect(() => {
    if (canvas.current && width.value > 0) draw(canvas.current, width.value, lines.value, theme.value);
  });
  useSignalEffect(() => placeWindow(pane.current, width.value));
  const from = recordedFromMs.value;
  return (
    <div class="overview" ref={strip} onPointerDown={(event) => beginDrag(event, strip.current!)}>
      <canvas ref={canvas} aria-hidden="true" />
      <span class="overview-end is-left">{formatTime(from, nowMs.value - from)}</span>
      <span class="overview-end is-right">{formatTime(nowMs.value, nowMs.value - from)}</span>
      <div class="overview-window" ref={pane} data-part="window">
        <Edge side="from" />
        <Edge side="to" />
      </div>
    </div>
  );
}

function Edge({ side }: { side: "from" | "to" }) {
  const whole = wholeRange();
  const at = visibleRange.value[side];
  const onKey = (event: KeyboardEvent) => {
    const sign = event.key === "ArrowLeft" ? -1 : event.key === "ArrowRight" ? 1 : 0;
    if (sign === 0) return;
    event.preventDefault();
    event.stopPropagation();
    const { from, to } = visibleRange.peek();
    const step = sign * (to - from) * KEY_STEP;
    zoomTo(side === "from" ? from + step : from, side === "to" ? to + step : to);
  };
  return (
    <div
      class={`overview-edge is-${side}`} data-part={side} role="slider" tabIndex={0} onKeyDown={onKey}
      aria-label={side === "from" ? "Begin of the visible range" : "End of the visible range"}
      aria-valuemin={whole.from} aria-valuemax={whole.to} aria-valuenow={Math.round(at)} aria-valuetext={formatMoment(at)}
    />
  );
}

function useOverviewLines(lines: { value: Line[] }, width: { value: number }): void {
  const asked = useMemo(() => ({ what: "", atMs: 0 }), []);
  useSignalEffect(() => {
    if (!instance.value?.recorded || width.value === 0 || metricByName.value.size === 0) return;
    const { metric, ids } = subject();
    const what = [metric, ids, Math.round(width.value / 50)].join("|");
    if (what === asked.what && nowMs.value - asked.atMs < askAgainMs()) return;
    asked.what = what;
    asked.atMs = nowMs.value;
    const container = isOfNode(metric) ? undefined : ids;
    api.timeseries({ metric: [metric], container, points: Math.min(400, width.value) }, wholeRange()).then(
      (reply) => (lines.value = linesOf(reply.series).slice(0, MOST_LINES)),
      () => (lines.value = []),
    );
  });
}

/** A hundredth of what is shown would move. */
function askAgainMs(): number {
  const { from, to } = wholeRange();
  return Math.min(ASK_AGAIN_AT_MOST_MS, Math.max(ASK_AGAIN_AT_LEAST_MS, (to - from) / 100));
}

function subject(): { metric: string; ids: string[] } {
  const ids = resolvedContainers.value.ids.slice(0, MOST_LINES);
  const first = panels.value.find((metric) => metricByName.value.has(metric) && (isOfNode(metric) || ids.length > 0));
  return { metric: first ?? FALLBACK, ids };
}

function draw(canvas: HTMLCanvasElement, width: number, lines: Line[], _theme: string): void {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = HEIGHT * ratio;
  const context = canvas.getContext("2d")!;
  const { from, to } = wholeRange();
  const { min, max } = fitted(lines, [], from, to);
  const frame = { width: canvas.width, height: canvas.height, pixelRatio: ratio, fromMs: from, toMs: to, min, max };
  const colour = themeColour("muted");
  for (const line of lines) paintLine(context, frame, line, { colour, alpha: 0.8, bandAlpha: 0.25, width: 1, dash: [] });
}

function placeWindow(pane: HTMLDivElement | null, width: number): void {
  if (!pane || width === 0) return;
  const whole = wholeRange();
  const { from, to } = visibleRange.value;
  const scale = width / (whole.to - whole.from);
  const wide = Math.max(LEAST_WINDOW_PX, (Math.min(to, whole.to) - Math.max(from, whole.from)) * scale);
  const left = Math.min(Math.max(0, (from - whole.from) * scale), width - wide);
  pane.style.transform = `translateX(${left}px)`;
  pane.style.width = `${wide}px`;
}

/** A window over everything has nowhere to go; there, a drag makes a new one. */
function partAt(target: HTMLElement, share: number): string {
  const part = target.dataset.part ?? "new";
  return part === "window" && share > WHOLE_SHARE ? "new" : part;
}

function within(x: number, box: DOMRect): number {
  return Math.min(box.right, Math.max(box.left, x));
}

function moveWindow({ from, to }: Whole, distance: number, whole: Whole): void {
  const most = Math.max(0, whole.to - to);
  const least = Math.min(0, whole.from - from);
  const moved = Math.min(most, Math.max(least, distance));
  moveRange(from + moved, to + moved);
}

/** Drags the window, one of its edges, or, beside it, a new window. */
function beginDrag(start: PointerEvent, strip: HTMLElement): void {
  if (start.button !== 0) return;
  const box = strip.getBoundingClientRect();
  const whole = wholeRange();
  const msPerPixel = (whole.to - whole.from) / box.width;
  const { from, to } = visibleRange.peek();
  const part = partAt(start.target as HTMLElement, (to - from) / (whole.to - whole.from));
  const startMs = whole.from + (start.clientX - box.left) * msPerPixel;
  const off = new AbortController();
  let moved = false;
  strip.setPointerCapture(start.pointerId);
  strip.addEventListener("pointermove", (event) => {
    const distance = (within(event.clientX, box) - start.clientX) * msPerPixel;
    if (!moved && Math.abs(event.clientX - start.clientX) < 2) return;
    moved = true;
    moving.value = true;
    if (part === "window") moveWindow({ from, to }, distance, whole);
    else if (part === "from") moveRange(Math.min(from + distance, to - 1000), to);
    else if (part === "to") moveRange(from, Math.max(to + distance, from + 1000));
    else moveRange(startMs, startMs + distance);
  }, { signal: off.signal });
  const end = () => {
    off.abort();
    if (moved) settleRange();
    else if (part === "new") zoomTo(startMs - (to - from) / 2, startMs + (to - from) / 2);
  };
  strip.addEventListener("pointerup", end, { signal: off.signal });
  strip.addEventListener("pointercancel", end, { signal: off.signal });
}
