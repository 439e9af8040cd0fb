// Two series in one chart, each from its own start on. The time axis says how long after the start.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { aligned, merged, thinned } from "../lib/difference.ts";
import { PALETTE } from "../lib/palette.ts";
import { formatDuration } from "../lib/time.ts";
import { axisFormatter } from "../lib/units.ts";
import type { Series } from "../data/types.ts";
import { theme } from "../state/store.ts";

export interface OverlaySide {
  title: string;
  series: Series | undefined;
  startMs: number;
  /** Its place in the palette. */
  slot: number;
}

const HEIGHT = 240;
const MOST_POINTS = 240;
const TICKS_MS = [1, 2, 5, 10, 15, 30].flatMap((step) => [step * 1000, step * 60_000])
  .concat([1, 2, 3, 6, 12, 24, 48, 168].map((hours) => hours * 3_600_000)).sort((a, b) => a - b);

export interface CursorValues {
  afterMs: number;
  values: (number | null)[];
}

export interface OverlayChartProps {
  one: OverlaySide;
  other: OverlaySide;
  unit: string;
  onCursor: (values: CursorValues | null) => void;
}

export function OverlayChart({ one, other, unit, onCursor }: OverlayChartProps) {
  const host = useRef<HTMLDivElement>(null);
  const dark = theme.value;
  useEffect(() => {
    if (!host.current) return;
    const element = host.current;
    const chart = new uPlot(options(element, [one.slot, other.slot], unit, onCursor), dataOf(one, other), element);
    const sizes = new ResizeObserver(() => {
      if (element.clientWidth > 0 && element.clientWidth !== chart.width) chart.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      chart.destroy();
    };
  }, [one.series, other.series, one.startMs, other.startMs, one.slot, other.slot, unit, dark]);
  return <div ref={host} class="overlay-chart" role="img" aria-label={`${one.title} and ${other.title} from their starts on`} />;
}

function dataOf(one: OverlaySide, other: OverlaySide): uPlot.AlignedData {
  const sides = [one, other].map(({ series, startMs }) => (series ? aligned(series, startMs) : { t: [], v: [] }));
  const spanMs = Math.max(1, ...sides.map(({ t }) => t.at(-1) ?? 0));
  const [first, second] = sides.map((side) => thinned(side, spanMs, MOST_POINTS));
  const both = merged(first!, second!);
  return [both.t, both.one, both.other] as uPlot.AlignedData;
}

function options(host: HTMLElement, slots: number[], unit: string, onCursor: OverlayChartProps["onCursor"]): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const axis = {
    stroke: style.getPropertyValue("--muted").trim(),
    grid: { stroke: style.getPropertyValue("--grid").trim(), width: 1 },
    ticks: { show: false },
    font: "11px system-ui, sans-serif",
  };
  const format = axisFormatter(unit);
  const line = (slot: number): uPlot.Series => ({ stroke: PALETTE[slot]![theme.peek()], width: 1.5, points: { show: false } });
  return {
    width: Math.max(200, host.clientWidth),
    height: HEIGHT,
    ms: 1,
    scales: { x: { time: false } },
    legend: { show: false },
    cursor: { y: false },
    padding: [8, 8, 0, 0],
    series: [{}, ...slots.map(line)],
    hooks: { setCursor: [(chart) => onCursor(valuesAt(chart))] },
    axes: [
      { ...axis, incrs: TICKS_MS, space: 70, size: 26, values: (_, ticks) => ticks.map((ms) => (ms === 0 ? "start" : `+${formatDuration(ms)}`)) },
      { ...axis, size: 74, values: (_, ticks) => format(ticks) },
    ],
  };
}

/** The values nearest to the cursor; a side may have none at exactly that time. */
function valuesAt(chart: uPlot): CursorValues | null {
  const index = chart.cursor.idx;
  const afterMs = index === null || index === undefined ? undefined : chart.data[0][index];
  if (index === null || index === undefined || afterMs === undefined) return null;
  return { afterMs, values: [1, 2].map((side) => nearest(chart.data[side]!, index)) };
}

function nearest(values: ArrayLike<number | null | undefined>, index: number): number | null {
  for (let away = 0; away <= 3; away += 1) {
    for (const at of [index - away, index + away]) {
      const value = values[at];
      if (value !== undefined) return value;
    }
  }
  return null;
}
