// The chart of one panel in the page: keeps the plot as wide as its place, feeds it, and asks for the data that its
// pixels need. Everything that changes with each frame goes past the view library.
import { signal, useComputed, useSignalEffect } from "@preact/signals";
import type { ReadonlySignal, Signal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { streaming } from "../live/stream.ts";
import { missingBeforeMs } from "../state/event-search.ts";
import { happenings, leftOut } from "../state/happenings.ts";
import {
  cursorTime, follows, intervalMs, moving, resolvedContainers, studied, theme, visibleRange, zoomTo,
} from "../state/store.ts";
import { EventTip } from "./event-tip.tsx";
import { listenForGestures } from "./gestures.ts";
import { isShareOfLimit } from "./limits.ts";
import { valueAt } from "./lines.ts";
import type { Line } from "./lines.ts";
import { markOf, marksNear } from "./marks.ts";
import type { Mark } from "./marks.ts";
import { overlaysOf } from "./overlays.ts";
import type { Overlay } from "./overlays.ts";
import { AXIS_WIDTH, Plot, RIGHT_PADDING } from "./plot.ts";
import type { SeriesData } from "./series-data.ts";

const LEAST_POINTS = 50;
const FIRST_WIDTH = 600;
const MOST_TOLD = 3;
const BAR_REACH_PX = 26;
const NARROW_PX = 16;
const NEAR_PX = 24;

interface ChartProps {
  data: SeriesData;
  unit: string;
  label: string;
  height: number;
  hidden: ReadonlySignal<ReadonlySet<string>>;
  focus: ReadonlySignal<string | null>;
  /** Told which line the pointer is next to. */
  nearest: Signal<string | null>;
  plotRef: Signal<Plot | null>;
}

export function Chart({ data, unit, label, height, hidden, focus, nearest, plotRef }: ChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const width = useMemo(() => signal(0), []);
  const marks = useComputed(() => happenings.value.map(markOf));
  const overlays = useComputed(() => overlaysOf(studied.value, data.metric));
  const [tip, setTip] = useState<{ left: number; marks: Mark[]; more: number; overlays: Overlay[] } | null>(null);
  usePlot(host, width, plotRef, unit, height);
  useSignalEffect(() => {
    if (width.value === 0) return;
    data.want({
      range: visibleRange.value, ids: resolvedContainers.value.ids, moving: moving.value, follows: follows.value,
      points: Math.max(LEAST_POINTS, Math.round(width.value) - AXIS_WIDTH - RIGHT_PADDING), streaming: streaming.value,
    });
  });
  useSignalEffect(() => {
    const { from, to } = visibleRange.value;
    plotRef.value?.show({
      fromMs: from, toMs: to, moving: moving.value, lines: data.lines.value, limits: data.limits.value,
      hidden: hidden.value, focus: focus.value, overlays: overlays.value, marks: marks.value, marksFromMs: missingBeforeMs(leftOut.value), theme: theme.value,
      hundred: isShareOfLimit(data.metric),
    });
  });
  useSignalEffect(() => plotRef.value?.pointAt(cursorTime.value));
  const point = (event: MouseEvent) => {
    setTip(tipAt(event, host.current, marks.value, overlays.value));
    const plot = plotRef.peek();
    nearest.value = plot && !moving.peek() ? nearestLine(plot, data.lines.peek(), hidden.peek(), event) : null;
  };
  const leave = () => {
    setTip(null);
    nearest.value = null;
  };
  return (
    <div class="chart" role="img" aria-label={label} ref={host} onMouseMove={point} onMouseLeave={leave}>
      {tip && <EventTip left={tip.left} marks={tip.marks} more={tip.more} overlays={tip.overlays} />}
    </div>
  );
}

/** The width is known before the plot is made, so that all panels ask before any of them draws. */
function usePlot(
  host: { current: HTMLDivElement | null }, width: Signal<number>, plotRef: Signal<Plot | null>, unit: string, height: number,
): void {
  useEffect(() => {
    const place = host.current!;
    let off = () => {};
    let gone = false;
    width.value = place.clientWidth;
    queueMicrotask(() => {
      if (!gone) off = makePlot(place, plotRef, unit, height);
    });
    const watch = new ResizeObserver(() => {
      plotRef.peek()?.resize(place.clientWidth, height);
      width.value = place.clientWidth;
    });
    watch.observe(place);
    return () => {
      gone = true;
      watch.disconnect();
      off();
    };
  }, [unit, height]);
}

function makePlot(place: HTMLDivElement, plotRef: Signal<Plot | null>, unit: string, height: number): () => void {
  const plot = new Plot(place, place.clientWidth || FIRST_WIDTH, height, {
    unit,
    onSelect: zoomTo,
    onCursor: (ms) => (cursorTime.value = ms),
  });
  plotRef.value = plot;
  const off = listenForGestures(plot.chart.over);
  return () => {
    off();
    plotRef.value = null;
    plot.destroy();
  };
}

function nearestLine(plot: Plot, lines: Line[], hidden: ReadonlySet<string>, event: MouseEvent): string | null {
  const box = plot.chart.over.getBoundingClientRect();
  const ms = plot.timeAt(event.clientX - box.left);
  let best = { key: null as string | null, distance: NEAR_PX };
  for (const line of lines) {
    const found = hidden.has(line.key) ? null : valueAt(line, ms, 2.5 * intervalMs.peek());
    if (!found) continue;
    const distance = Math.abs(plot.chart.valToPos(found.value, "y") - (event.clientY - box.top));
    if (distance < best.distance) best = { key: line.key, distance };
  }
  return best.key;
}

/** A wide finding is told at its bar on top only: it would be in the way of everything below. */
function isPointedAt({ fromMs, toMs }: Overlay, ms: number, msPerPixel: number, atBar: boolean): boolean {
  const reach = 4 * msPerPixel;
  const inside = ms >= fromMs - reach && ms <= toMs + reach;
  return inside && (atBar || toMs - fromMs < NARROW_PX * msPerPixel);
}

function tipAt(event: MouseEvent, host: HTMLDivElement | null, marks: Mark[], overlays: Overlay[]) {
  if (!host || event.buttons !== 0 || moving.peek()) return null;
  const { from, to } = visibleRange.peek();
  const box = host.getBoundingClientRect();
  const wide = box.width - AXIS_WIDTH - RIGHT_PADDING;
  const msPerPixel = (to - from) / wide;
  const ms = from + (event.clientX - box.left - AXIS_WIDTH) * msPerPixel;
  const near = marksNear(marks, ms, msPerPixel);
  const atBar = event.clientY - box.top < BAR_REACH_PX;
  const found = overlays.filter((overlay) => isPointedAt(overlay, ms, msPerPixel, atBar)).slice(0, MOST_TOLD);
  if (near.length === 0 && found.length === 0) return null;
  const told = near.slice(0, MOST_TOLD);
  return { left: event.clientX - box.left, marks: told, more: near.length - told.length, overlays: found };
}
