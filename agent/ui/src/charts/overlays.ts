// Findings of studies on a chart: the span that each is about, shaded, with a bar on top in the colour of its severity;
// levels before and after a change, and the beginnings of a period's cycles where they are far enough apart.
import type { Finding, Measure } from "../data/types.ts";
import type { Studied } from "../state/findings.ts";
import { themeColour } from "./colours.ts";
import type { Frame } from "./paint.ts";

export interface Overlay {
  fromMs: number;
  toMs: number;
  study: string;
  finding: Finding;
}

const MOST_OVERLAYS = 300;
const LEAST_CYCLE_PX = 12;
/** What is about nearly all that is seen has its bar only: shading everything says nothing. */
const WHOLE_SHARE = 0.9;

/** The findings that belong to a panel: of its metric, or of its containers as a whole. */
export function overlaysOf(studied: Studied[], metric: string): Overlay[] {
  const overlays: Overlay[] = [];
  for (const { reply, chosen } of studied) {
    for (const series of reply?.series ?? []) {
      if (series.metric !== undefined && series.metric !== metric) continue;
      if (series.metric === undefined && chosen.panel !== undefined && chosen.panel !== metric) continue;
      for (const finding of series.findings) {
        overlays.push({ fromMs: Date.parse(finding.from), toMs: Date.parse(finding.to), study: chosen.study, finding });
      }
    }
  }
  return overlays.slice(0, MOST_OVERLAYS);
}

export function drawOverlays(context: CanvasRenderingContext2D, frame: Frame, overlays: Overlay[]): void {
  if (overlays.length === 0) return;
  const colours: Record<string, string> = {
    critical: themeColour("bad"), warning: themeColour("warn"), notice: themeColour("accent"), info: themeColour("muted"),
  };
  const scale = frame.width / (frame.toMs - frame.fromMs);
  for (const overlay of overlays) {
    const x = (overlay.fromMs - frame.fromMs) * scale;
    const end = (overlay.toMs - frame.fromMs) * scale;
    if (end < 0 || x > frame.width) continue;
    const colour = colours[overlay.finding.severity] ?? colours.info!;
    drawSpan(context, frame, colour, x, end);
    drawLevels(context, frame, overlay, colour, x, end);
    drawCycles(context, frame, overlay, colour, scale);
  }
  context.globalAlpha = 1;
}

function drawSpan(context: CanvasRenderingContext2D, frame: Frame, colour: string, x: number, end: number): void {
  const wide = Math.max(end - x, 2 * frame.pixelRatio);
  context.fillStyle = colour;
  const visible = Math.min(end, frame.width) - Math.max(x, 0);
  context.globalAlpha = wide > 4 * frame.pixelRatio ? 0.09 : 0.45;
  if (visible < WHOLE_SHARE * frame.width) context.fillRect(x, 0, wide, frame.height);
  context.globalAlpha = 0.9;
  context.fillRect(x, 0, wide, 3 * frame.pixelRatio);
}

function drawLevels(context: CanvasRenderingContext2D, frame: Frame, { finding }: Overlay, colour: string, x: number, end: number): void {
  const before = numberOf(finding.measures.before);
  const after = numberOf(finding.measures.after);
  if (before === null || after === null) return;
  const yOf = (value: number) => frame.height - ((value - frame.min) * frame.height) / (frame.max - frame.min);
  const reach = Math.max(40 * frame.pixelRatio, Math.min(end - x, 160 * frame.pixelRatio));
  context.strokeStyle = colour;
  context.globalAlpha = 0.95;
  context.lineWidth = 2 * frame.pixelRatio;
  context.beginPath();
  context.moveTo(x - reach, yOf(before));
  context.lineTo(x, yOf(before));
  context.lineTo(x, yOf(after));
  context.lineTo(x + reach, yOf(after));
  context.stroke();
}

function drawCycles(context: CanvasRenderingContext2D, frame: Frame, overlay: Overlay, colour: string, scale: number): void {
  const seconds = numberOf(overlay.finding.measures.period);
  if (seconds === null || seconds <= 0 || seconds * 1000 * scale < LEAST_CYCLE_PX * frame.pixelRatio) return;
  context.strokeStyle = colour;
  context.globalAlpha = 0.5;
  context.lineWidth = frame.pixelRatio;
  context.beginPath();
  const step = seconds * 1000;
  const first = overlay.fromMs + Math.max(0, Math.ceil((frame.fromMs - overlay.fromMs) / step)) * step;
  for (let ms = first; ms <= Math.min(overlay.toMs, frame.toMs); ms += step) {
    const x = (ms - frame.fromMs) * scale;
    context.moveTo(x, 0);
    context.lineTo(x, frame.height);
  }
  context.stroke();
}

function numberOf(measure: Measure | undefined): number | null {
  return typeof measure?.value === "number" ? measure.value : null;
}
