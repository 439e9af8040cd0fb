// Draws lines into a canvas: a band from least to largest where points are buckets, the mean or the exact points above
// it, limits dashed. Knows pixels only; what is drawn how strongly is given.
import { lowerBound } from "../data/embedded.ts";
import type { Line } from "./lines.ts";

export interface Frame {
  /** In device pixels. */
  width: number;
  height: number;
  pixelRatio: number;
  fromMs: number;
  toMs: number;
  min: number;
  max: number;
}

export interface Stroke {
  colour: string;
  alpha: number;
  bandAlpha: number;
  width: number;
  dash: number[];
}

/** With at least so many pixels from one exact point to the next, each has a dot. */
const DOT_DISTANCE = 10;
/** Buckets per pixel beyond which a band is drawn per pixel. */
const DENSE = 1.5;

type Context = CanvasRenderingContext2D;

export function paintLine(context: Context, frame: Frame, line: Line, stroke: Stroke): void {
  const begin = Math.max(0, lowerBound(line.t, frame.fromMs) - 1);
  const end = Math.min(line.t.length, lowerBound(line.t, frame.toMs) + 2);
  if (end <= begin) return;
  if (line.low && line.high && stroke.bandAlpha > 0) paintBand(context, frame, line, stroke, begin, end);
  context.globalAlpha = stroke.alpha;
  context.strokeStyle = stroke.colour;
  context.lineWidth = stroke.width * frame.pixelRatio;
  context.setLineDash(stroke.dash.map((length) => length * frame.pixelRatio));
  context.beginPath();
  if ((end - begin) / frame.width > DENSE) traceDense(context, frame, line, begin, end);
  else trace(context, frame, line, begin, end);
  context.stroke();
  context.setLineDash([]);
  if (line.widthMs === 0) paintDots(context, frame, line, stroke, begin, end);
  context.globalAlpha = 1;
}

function trace(context: Context, frame: Frame, line: Line, begin: number, end: number): void {
  const { t, mid } = line;
  const scaleX = frame.width / (frame.toMs - frame.fromMs);
  const scaleY = frame.height / (frame.max - frame.min);
  let drawing = false;
  for (let at = begin; at < end; at += 1) {
    const value = mid[at];
    if (value === null || value === undefined) {
      drawing = false;
      continue;
    }
    const x = (t[at]! - frame.fromMs) * scaleX;
    const y = frame.height - (value - frame.min) * scaleY;
    if (drawing) context.lineTo(x, y);
    else context.moveTo(x, y);
    const alone = !drawing && (mid[at + 1] ?? null) === null;
    if (alone) context.lineTo(x + frame.pixelRatio, y);
    drawing = true;
  }
}

/** Of many points per pixel: least and largest of each pixel, which looks the same. */
function traceDense(context: Context, frame: Frame, line: Line, begin: number, end: number): void {
  const { t, mid } = line;
  const scaleX = frame.width / (frame.toMs - frame.fromMs);
  const scaleY = frame.height / (frame.max - frame.min);
  let drawing = false;
  let column = Number.NaN;
  let top = 0;
  let bottom = 0;
  for (let at = begin; at < end; at += 1) {
    const value = mid[at];
    if (value === null || value === undefined) {
      drawing = false;
      column = Number.NaN;
      continue;
    }
    const x = Math.round((t[at]! - frame.fromMs) * scaleX);
    const y = frame.height - (value - frame.min) * scaleY;
    if (x !== column) {
      if (drawing) context.lineTo(x, y);
      else context.moveTo(x, y);
      column = x;
      top = y;
      bottom = y;
    } else if (y < top || y > bottom) {
      context.lineTo(x, y);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
    drawing = true;
  }
}

function paintBand(context: Context, frame: Frame, line: Line, stroke: Stroke, begin: number, end: number): void {
  const { t, low, high } = line;
  const scaleX = frame.width / (frame.toMs - frame.fromMs);
  const scaleY = frame.height / (frame.max - frame.min);
  context.globalAlpha = stroke.bandAlpha;
  context.fillStyle = stroke.colour;
  context.beginPath();
  let start = begin;
  for (let at = begin; at <= end; at += 1) {
    const open = at < end && high![at] !== null && high![at] !== undefined;
    if (open) {
      const x = (t[at]! - frame.fromMs) * scaleX;
      const y = frame.height - (high![at]! - frame.min) * scaleY;
      if (at === start) context.moveTo(x, y);
      else context.lineTo(x, y);
      continue;
    }
    for (let back = at - 1; back >= start; back -= 1) {
      const x = (t[back]! - frame.fromMs) * scaleX;
      context.lineTo(x, frame.height - (low![back]! - frame.min) * scaleY);
    }
    if (at > start) context.closePath();
    start = at + 1;
  }
  context.fill();
}

function paintDots(context: Context, frame: Frame, line: Line, stroke: Stroke, begin: number, end: number): void {
  const scaleX = frame.width / (frame.toMs - frame.fromMs);
  const distance = frame.width / Math.max(1, end - begin);
  if (distance < DOT_DISTANCE * frame.pixelRatio || stroke.dash.length > 0) return;
  const scaleY = frame.height / (frame.max - frame.min);
  const radius = 2 * frame.pixelRatio;
  context.fillStyle = stroke.colour;
  context.beginPath();
  for (let at = begin; at < end; at += 1) {
    const value = line.mid[at];
    if (value === null || value === undefined) continue;
    const x = (line.t[at]! - frame.fromMs) * scaleX;
    const y = frame.height - (value - frame.min) * scaleY;
    context.moveTo(x + radius, y);
    context.arc(x, y, radius, 0, 2 * Math.PI);
  }
  context.fill();
}
