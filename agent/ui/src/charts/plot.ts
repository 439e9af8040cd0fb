// One chart: uPlot gives axes, cursor and selection; the lines are drawn here, into a picture of their own. While the
// range moves, that picture is shifted and stretched until there is time to draw it afresh.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { axisFormatter } from "../lib/units.ts";
import { lineColour, lineDash, themeColour } from "./colours.ts";
import { fitted } from "./fit.ts";
import { forgetFrames, inLaterFrame, takeFrame } from "./frames.ts";
import type { Line } from "./lines.ts";
import { drawMarks, drawMissing } from "./marks.ts";
import type { Mark } from "./marks.ts";
import { drawOverlays } from "./overlays.ts";
import type { Overlay } from "./overlays.ts";
import { paintLine } from "./paint.ts";
import type { Frame } from "./paint.ts";
import { TICK_DISTANCES_MS, tickTexts } from "./time-axis.ts";

export interface Shown {
  fromMs: number;
  toMs: number;
  moving: boolean;
  lines: Line[];
  limits: Line[];
  hidden: ReadonlySet<string>;
  focus: string | null;
  overlays: Overlay[];
  marks: Mark[];
  /** Before this moment marks are missing. */
  marksFromMs: number;
  theme: string;
  /** Draws a line at 100: the values are shares of a limit. */
  hundred: boolean;
}

export interface PlotHooks {
  unit: string;
  onSelect(fromMs: number, toMs: number): void;
  onCursor(ms: number | null): void;
}

export const AXIS_WIDTH = 68;
export const RIGHT_PADDING = 20;
const TIME_AXIS_HEIGHT = 24;
/** Distances of ticks on an axis of bytes: 1, 2, 4, ... of each unit. */
const BINARY_DISTANCES = Array.from({ length: 60 }, (_, power) => 2 ** power);
const BAND_ALPHA = 0.16;
const DIMMED = 0.18;
/** A picture is stretched at most so much before it must be drawn afresh. */
const MOST_STRETCH = 4;

interface Picture {
  canvas: HTMLCanvasElement;
  frame: Frame;
  shown: Shown;
}

export class Plot {
  readonly chart: uPlot;
  private shown: Shown | null = null;
  private picture: Picture | null = null;
  private colours = { text: "", grid: "", limit: "" };
  private cursorFromElsewhere = false;

  constructor(host: HTMLElement, width: number, height: number, private readonly hooks: PlotHooks) {
    this.chart = new uPlot(this.options(width, height), [[0, 1], [null, null]], host);
  }

  show(shown: Shown): void {
    if (shown.theme !== this.shown?.theme) this.readColours();
    this.shown = shown;
    const visible = shown.lines.filter((line) => !shown.hidden.has(line.key));
    const y = this.chart.scales.y!;
    const keepsY = shown.moving && y.min !== undefined && y.min !== null;
    const extent = keepsY ? { min: y.min!, max: y.max! } : fitted(visible, shown.limits, shown.fromMs, shown.toMs);
    this.chart.batch(() => {
      this.chart.setScale("x", { min: shown.fromMs, max: shown.toMs });
      this.chart.setScale("y", extent);
      this.chart.redraw(false, false);
    });
  }

  resize(width: number, height: number): void {
    if (width > 0 && (width !== this.chart.width || height !== this.chart.height)) this.chart.setSize({ width, height });
  }

  /** Moves the cursor line to where it is on another chart. */
  pointAt(ms: number | null): void {
    this.cursorFromElsewhere = true;
    const left = ms === null ? -10 : this.chart.valToPos(ms, "x");
    const inside = left >= 0 && left <= this.chart.over.clientWidth;
    this.chart.setCursor({ left: inside ? left : -10, top: inside ? 0 : -10 }, false);
    this.cursorFromElsewhere = false;
  }

  timeAt(left: number): number {
    return this.chart.posToVal(left, "x");
  }

  destroy(): void {
    forgetFrames(this);
    this.chart.destroy();
  }

  private readColours(): void {
    this.colours = { text: themeColour("muted"), grid: themeColour("grid"), limit: themeColour("limit") };
  }

  private options(width: number, height: number): uPlot.Options {
    const text = () => this.colours.text;
    const grid = { stroke: () => this.colours.grid, width: 1 };
    const font = "11px system-ui, sans-serif";
    const format = axisFormatter(this.hooks.unit);
    return {
      width,
      height,
      ms: 1,
      padding: [8, RIGHT_PADDING, 0, 0],
      legend: { show: false },
      scales: { x: { time: true, auto: false }, y: { auto: false } },
      series: [{}, { show: true, scale: "y", paths: () => null, points: { show: false } }],
      axes: [
        { stroke: text, grid, ticks: { show: false }, font, size: TIME_AXIS_HEIGHT, gap: 4, space: 70,
          incrs: TICK_DISTANCES_MS, values: (_, ticks, __, ___, distance) => tickTexts(ticks, distance) },
        { stroke: text, grid, ticks: { show: false }, font, size: AXIS_WIDTH, gap: 6, space: 34,
          ...(this.hooks.unit.startsWith("bytes") ? { incrs: BINARY_DISTANCES } : {}),
          values: (_, ticks) => format(ticks) },
      ],
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => null, mousedown: (_, __, handler) => (event) => (event.shiftKey ? null : handler(event)) },
      },
      hooks: {
        draw: [() => this.draw()],
        setCursor: [() => this.tellCursor()],
        setSelect: [() => this.tellSelect()],
      },
    };
  }

  private tellCursor(): void {
    if (this.cursorFromElsewhere) return;
    const left = this.chart.cursor.left ?? -10;
    this.hooks.onCursor(left < 0 ? null : this.timeAt(left));
  }

  private tellSelect(): void {
    const { left, width } = this.chart.select;
    if (width <= 2) return;
    this.hooks.onSelect(this.timeAt(left), this.timeAt(left + width));
    this.chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  private draw(): void {
    const { shown, chart } = this;
    if (!shown) return;
    const { left, top, width, height } = chart.bbox;
    const context = chart.ctx;
    const frame: Frame = {
      width, height, pixelRatio: uPlot.pxRatio, fromMs: shown.fromMs, toMs: shown.toMs,
      min: chart.scales.y!.min!, max: chart.scales.y!.max!,
    };
    context.save();
    context.beginPath();
    context.rect(left, top, width, height);
    context.clip();
    context.translate(left, top);
    drawOverlays(context, frame, shown.overlays);
    this.drawPicture(context, frame, shown);
    drawMissing(context, frame, shown.marksFromMs);
    drawMarks(context, frame, shown.marks);
    context.restore();
  }

  private drawPicture(context: CanvasRenderingContext2D, frame: Frame, shown: Shown): void {
    const { picture } = this;
    const fresh = picture !== null && sameFrame(picture.frame, frame) && sameLines(picture.shown, shown);
    if (!fresh && (picture === null || !mayStretch(picture.frame, frame) || takeFrame())) {
      this.picture = this.paint(frame, shown);
    } else if (!fresh) {
      inLaterFrame(this, () => this.chart.redraw(false, false));
    }
    if (!this.picture) return;
    const { canvas, frame: drawn } = this.picture;
    const scaleX = frame.width / (frame.toMs - frame.fromMs);
    const scaleY = frame.height / (frame.max - frame.min);
    const x = (drawn.fromMs - frame.fromMs) * scaleX;
    const y = frame.height - (drawn.max - frame.min) * scaleY;
    const wide = (drawn.toMs - drawn.fromMs) * scaleX;
    context.imageSmoothingEnabled = Math.abs(wide - frame.width) > 1;
    context.drawImage(canvas, x, y, wide, (drawn.max - drawn.min) * scaleY);
  }

  private paint(frame: Frame, shown: Shown): Picture {
    const canvas = this.picture?.canvas ?? document.createElement("canvas");
    if (canvas.width !== frame.width || canvas.height !== frame.height) {
      canvas.width = frame.width;
      canvas.height = frame.height;
    }
    const context = canvas.getContext("2d")!;
    context.clearRect(0, 0, frame.width, frame.height);
    context.lineJoin = "round";
    paintAll(context, frame, shown, this.colours.limit);
    return { canvas, frame, shown };
  }
}

function paintAll(context: CanvasRenderingContext2D, frame: Frame, shown: Shown, limitColour: string): void {
  const one = shown.limits.length === 1;
  const widths = new Set<string>();
  for (const limit of shown.limits) {
    const same = `${limit.t[0]}|${limit.t.length}|${limit.mid[0]}|${limit.mid[limit.mid.length - 1]}`;
    if (widths.has(same)) continue;
    widths.add(same);
    const dimmed = shown.focus !== null && !shown.focus.endsWith(`|${limit.owner}|||`);
    const colour = one || shown.limits.length > 4 ? limitColour : lineColour(limit.owner);
    paintLine(context, frame, { ...limit, low: null, high: null },
      { colour, alpha: dimmed ? DIMMED : 0.9, bandAlpha: 0, width: 1.2, dash: [8, 4] });
  }
  if (shown.hundred) paintHundred(context, frame, limitColour);
  for (const line of shown.lines) {
    if (shown.hidden.has(line.key) || line.key === shown.focus) continue;
    const dimmed = shown.focus !== null;
    paintLine(context, frame, line, { colour: lineColour(line.owner), alpha: dimmed ? DIMMED : 1,
      bandAlpha: dimmed ? 0 : BAND_ALPHA, width: 1.4, dash: lineDash(line.owner) });
  }
  const focused = shown.lines.find((line) => line.key === shown.focus);
  if (focused && !shown.hidden.has(focused.key)) {
    paintLine(context, frame, focused, { colour: lineColour(focused.owner), alpha: 1, bandAlpha: 2 * BAND_ALPHA,
      width: 2.2, dash: lineDash(focused.owner) });
  }
}

function paintHundred(context: CanvasRenderingContext2D, frame: Frame, colour: string): void {
  const y = frame.height - ((100 - frame.min) * frame.height) / (frame.max - frame.min);
  context.strokeStyle = colour;
  context.lineWidth = 1.2 * frame.pixelRatio;
  context.setLineDash([8 * frame.pixelRatio, 4 * frame.pixelRatio]);
  context.beginPath();
  context.moveTo(0, y);
  context.lineTo(frame.width, y);
  context.stroke();
  context.setLineDash([]);
}

function sameFrame(one: Frame, other: Frame): boolean {
  return one.fromMs === other.fromMs && one.toMs === other.toMs && one.min === other.min && one.max === other.max
    && one.width === other.width && one.height === other.height;
}

function sameLines(one: Shown, other: Shown): boolean {
  return one.lines === other.lines && one.limits === other.limits && one.hidden === other.hidden
    && one.focus === other.focus && one.theme === other.theme;
}

function mayStretch(drawn: Frame, frame: Frame): boolean {
  const ratio = (drawn.toMs - drawn.fromMs) / (frame.toMs - frame.fromMs);
  return ratio < MOST_STRETCH && ratio > 1 / MOST_STRETCH && drawn.width === frame.width;
}
