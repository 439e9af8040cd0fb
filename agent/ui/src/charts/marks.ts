// Events as marks at the foot of a chart: a shape and a colour for each kind, and for what broke a line over the whole
// height. Which marks lie under the pointer is asked here too.
import type { AgentEvent } from "../data/types.ts";
import { themeColour } from "./colours.ts";
import type { Frame } from "./paint.ts";

export type MarkShape = "up" | "down" | "cross" | "diamond" | "bar" | "round" | "dot";

export interface Mark {
  atMs: number;
  /** Only spans have an end of their own. */
  endMs: number;
  shape: MarkShape;
  tone: "bad" | "warn" | "good" | "muted" | "agent";
  /** Has a line over the whole height, unless there are too many. */
  tall: boolean;
  event: AgentEvent;
}

const LOOKS: Record<string, Pick<Mark, "shape" | "tone" | "tall">> = {
  oom_kill: { shape: "cross", tone: "bad", tall: true },
  container_start: { shape: "up", tone: "good", tall: false },
  container_restart: { shape: "up", tone: "warn", tall: true },
  container_stop: { shape: "down", tone: "muted", tall: false },
  container_terminated: { shape: "down", tone: "muted", tall: false },
  limit_change: { shape: "diamond", tone: "warn", tall: true },
  throttling_begin: { shape: "bar", tone: "warn", tall: false },
  throttling_end: { shape: "bar", tone: "warn", tall: false },
  agent_start: { shape: "round", tone: "agent", tall: true },
  agent_stop: { shape: "round", tone: "agent", tall: true },
};
const OTHER: Pick<Mark, "shape" | "tone" | "tall"> = { shape: "dot", tone: "muted", tall: false };

const PATH_END = 18;
const SIZE = 5;
const FOOT = 8;
/** Beyond so many, only what broke has a line over the whole height. */
const MOST_TALL = 16;
const REACH_PX = 7;

export const EVENT_NAMES: Record<string, string> = {
  oom_kill: "OOM kill",
  container_start: "Start",
  container_restart: "Restart",
  container_stop: "Stop",
  container_terminated: "Ended",
  limit_change: "Limit changed",
  throttling_begin: "Throttling begins",
  throttling_end: "Throttling ends",
  agent_start: "Agent started",
  agent_stop: "Agent stopped",
  missed_ticks: "Readings missed",
  reads_shed: "Readings left out",
  reads_resumed: "Readings resumed",
  budget_change: "Budget changed",
  clock_step: "Clock stepped",
};

export function eventName(kind: string): string {
  return EVENT_NAMES[kind] ?? kind.replaceAll("_", " ");
}

/** A message without the long paths of cgroups, of which only the end tells something. */
export function briefly(message: string): string {
  return message.replaceAll(/\/\S{40,}/g, (path) => `…${path.slice(-PATH_END)}`);
}

export function markOf(event: AgentEvent): Mark {
  const look = Object.hasOwn(LOOKS, event.kind) ? LOOKS[event.kind]! : OTHER;
  const atMs = Date.parse(event.time);
  const lastedMs = event.kind === "throttling_end" && typeof event.duration_usec === "number" ? event.duration_usec / 1000 : 0;
  return { ...look, atMs: atMs - lastedMs, endMs: atMs, event };
}

export function markColours(): Record<Mark["tone"], string> {
  return {
    bad: themeColour("bad"), warn: themeColour("warn"), good: themeColour("good"), muted: themeColour("muted"),
    agent: themeColour("accent"),
  };
}

export function drawMarks(context: CanvasRenderingContext2D, frame: Frame, marks: Mark[]): void {
  if (marks.length === 0) return;
  const colours = markColours();
  const scale = frame.width / (frame.toMs - frame.fromMs);
  const drawn = new Set<string>();
  const inside = marks.filter((mark) => mark.endMs >= frame.fromMs && mark.atMs <= frame.toMs);
  const crowded = inside.filter((mark) => mark.tall).length > MOST_TALL;
  for (const mark of inside) {
    const x = (mark.atMs - frame.fromMs) * scale;
    const end = (mark.endMs - frame.fromMs) * scale;
    const place = `${mark.shape}${mark.tone}${Math.round(x / 3)}|${Math.round(end / 3)}`;
    if (drawn.has(place)) continue;
    drawn.add(place);
    context.fillStyle = colours[mark.tone];
    context.strokeStyle = colours[mark.tone];
    if (mark.tall && (!crowded || mark.tone === "bad")) drawTall(context, frame, x);
    drawShape(context, frame, mark.shape, x, end);
  }
}

function drawTall(context: CanvasRenderingContext2D, frame: Frame, x: number): void {
  context.globalAlpha = 0.55;
  context.lineWidth = frame.pixelRatio;
  context.setLineDash([3 * frame.pixelRatio, 3 * frame.pixelRatio]);
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, frame.height);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function drawShape(context: CanvasRenderingContext2D, frame: Frame, shape: MarkShape, x: number, end: number): void {
  const size = SIZE * frame.pixelRatio;
  const y = frame.height - FOOT * frame.pixelRatio;
  context.beginPath();
  if (shape === "up") polygon(context, [[x, y - size], [x + size, y + size], [x - size, y + size]]);
  else if (shape === "down") polygon(context, [[x, y + size], [x + size, y - size], [x - size, y - size]]);
  else if (shape === "diamond") polygon(context, [[x, y - size], [x + size, y], [x, y + size], [x - size, y]]);
  else if (shape === "round") context.arc(x, y, size * 0.8, 0, 2 * Math.PI);
  else if (shape === "dot") context.arc(x, y + size, size * 0.4, 0, 2 * Math.PI);
  else if (shape === "bar") context.rect(x, y + size * 0.4, Math.max(end - x, 2 * frame.pixelRatio), size * 0.7);
  else {
    context.lineWidth = 2.2 * frame.pixelRatio;
    context.moveTo(x - size, y - size);
    context.lineTo(x + size, y + size);
    context.moveTo(x + size, y - size);
    context.lineTo(x - size, y + size);
    context.stroke();
    return;
  }
  context.fill();
}

function polygon(context: CanvasRenderingContext2D, corners: [number, number][]): void {
  corners.forEach(([x, y], at) => (at === 0 ? context.moveTo(x, y) : context.lineTo(x, y)));
  context.closePath();
}

/** Those that the pointer is on, the nearest first. */
export function marksNear(marks: Mark[], ms: number, msPerPixel: number): Mark[] {
  const reach = REACH_PX * msPerPixel;
  const distance = (mark: Mark) => (ms < mark.atMs ? mark.atMs - ms : ms > mark.endMs ? ms - mark.endMs : 0);
  return marks
    .filter((mark) => distance(mark) <= reach)
    .sort((one, other) => distance(one) - distance(other));
}
