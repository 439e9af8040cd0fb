// A panel as a picture: title, chart and legend on one canvas, saved as PNG.
import { formatMoment } from "../lib/time.ts";
import { say, visibleRange } from "../state/store.ts";
import { lineColour, themeColour } from "./colours.ts";
import type { Line } from "./lines.ts";
import type { Plot } from "./plot.ts";
import { saveFile } from "../share/save-file.ts";

const TITLE_HEIGHT = 34;
const ROW_HEIGHT = 18;
const COLUMN_WIDTH = 320;
const MOST_NAMES = 40;

export function savePicture(plot: Plot, metric: string, lines: Line[]): void {
  const chart = plot.chart.ctx.canvas;
  const ratio = chart.width / plot.chart.width;
  const columns = Math.max(1, Math.floor(plot.chart.width / COLUMN_WIDTH));
  const named = lines.slice(0, MOST_NAMES);
  const height = TITLE_HEIGHT + plot.chart.height + Math.ceil(named.length / columns) * ROW_HEIGHT + 12;
  const canvas = document.createElement("canvas");
  canvas.width = chart.width;
  canvas.height = height * ratio;
  const context = canvas.getContext("2d")!;
  context.fillStyle = themeColour("ground");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(chart, 0, TITLE_HEIGHT * ratio);
  context.scale(ratio, ratio);
  writeTitle(context, metric);
  writeNames(context, named, columns, TITLE_HEIGHT + plot.chart.height + 8);
  canvas.toBlob((blob) => {
    if (blob) saveFile(blob, `${metric}.png`);
    else say("The browser could not make the picture.");
  });
}

function writeTitle(context: CanvasRenderingContext2D, metric: string): void {
  const { from, to } = visibleRange.peek();
  context.fillStyle = themeColour("ink");
  context.font = "600 14px system-ui, sans-serif";
  context.fillText(metric, 10, 22);
  const after = 20 + context.measureText(metric).width;
  context.fillStyle = themeColour("muted");
  context.font = "12px system-ui, sans-serif";
  context.fillText(`${formatMoment(from)} to ${formatMoment(to)}`, after, 22);
}

function writeNames(context: CanvasRenderingContext2D, lines: Line[], columns: number, top: number): void {
  context.font = "12px system-ui, sans-serif";
  lines.forEach((line, at) => {
    const x = 10 + (at % columns) * COLUMN_WIDTH;
    const y = top + Math.floor(at / columns) * ROW_HEIGHT;
    context.fillStyle = lineColour(line.owner);
    context.fillRect(x, y, 10, 10);
    context.fillStyle = themeColour("ink");
    context.fillText(line.name, x + 16, y + 10, COLUMN_WIDTH - 30);
  });
}
