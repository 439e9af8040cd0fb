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
const COUNT_FONT_PX = 10;
const MISSING_ROOM_PX = 90;
/** Marks closer than this are one, which looks like the gravest of them and has their number. */
const CELL_PX = 8;
const COUNT_ROOM_CELLS = 3;
/** The gravest last: it is drawn on top. */
const GRAVITY: Mark["tone"][] = ["muted", "good", "agent", "warn", "bad"];
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
  const inside = marks.filter((mark) => mark.endMs >= frame.fromMs && mark.atMs <= frame.toMs);
  drawBars(context, frame, inside, scale, colours);
  const cells = cellsOf(inside, (CELL_PX * frame.pixelRatio) / scale);
  const crowded = [...cells.values()].filter(({ worst }) => worst.tall).length > MOST_TALL;
  for (const [place, { worst, count }] of [...cells].sort(([, one], [, other]) => gravity(one.worst) - gravity(other.worst))) {
    const x = (worst.atMs - frame.fromMs) * scale;
    context.fillStyle = colours[worst.tone];
    context.strokeStyle = colours[worst.tone];
    if (worst.tall && (!crowded || worst.tone === "bad")) drawTall(context, frame, x);
    drawShape(context, frame, worst.shape, x, x);
    if (count > 1 && hasRoom(cells, place)) drawCount(context, frame, x, count);
  }
}

/** A dotted foot where marks are missing, so that an empty foot means that nothing happened. */
export function drawMissing(context: CanvasRenderingContext2D, frame: Frame, beforeMs: number): void {
  const end = Math.min(frame.width, ((beforeMs - frame.fromMs) * frame.width) / (frame.toMs - frame.fromMs));
  if (!(end > 0)) return;
  const y = frame.height - FOOT * frame.pixelRatio;
  context.strokeStyle = themeColour("muted");
  context.fillStyle = themeColour("muted");
  context.lineWidth = 2 * frame.pixelRatio;
  context.setLineDash([2 * frame.pixelRatio, 5 * frame.pixelRatio]);
  context.beginPath();
  context.moveTo(0, y);
  context.lineTo(end, y);
  context.stroke();
  context.setLineDash([]);
  if (end < MISSING_ROOM_PX * frame.pixelRatio) return;
  context.font = `${COUNT_FONT_PX * frame.pixelRatio}px sans-serif`;
  context.textAlign = "right";
  context.textBaseline = "bottom";
  context.fillText("not all marks ◂", end, y - 3 * frame.pixelRatio);
}

/** Marks by where they are in time, in steps of `cellMs`, so that they stay together while the picture is shifted. */
export function cellsOf(marks: Mark[], cellMs: number): Map<number, { worst: Mark; count: number }> {
  const cells = new Map<number, { worst: Mark; count: number }>();
  for (const mark of marks) {
    if (mark.shape === "bar") continue;
    const place = Math.floor(mark.atMs / cellMs);
    const cell = cells.get(place);
    if (!cell) cells.set(place, { worst: mark, count: 1 });
    else {
      cell.count += 1;
      if (gravity(mark) > gravity(cell.worst)) cell.worst = mark;
    }
  }
  return cells;
}

function gravity({ tone }: Mark): number {
  return GRAVITY.indexOf(tone);
}

function hasRoom(cells: Map<number, unknown>, place: number): boolean {
  for (let next = 1; next <= COUNT_ROOM_CELLS; next += 1) if (cells.has(place + next)) return false;
  return true;
}

function drawBars(context: CanvasRenderingContext2D, frame: Frame, inside: Mark[], scale: number, colours: Record<Mark["tone"], string>): void {
  const drawn = new Set<string>();
  for (const mark of inside) {
    if (mark.shape !== "bar") continue;
    const x = (mark.atMs - frame.fromMs) * scale;
    const end = (mark.endMs - frame.fromMs) * scale;
    const place = `${Math.round(x / 3)}|${Math.round(end / 3)}`;
    if (drawn.has(place)) continue;
    drawn.add(place);
    context.fillStyle = colours[mark.tone];
    drawShape(context, frame, "bar", x, end);
  }
}

function drawCount(context: CanvasRenderingContext2D, frame: Frame, x: number, count: number): void {
  context.font = `${COUNT_FONT_PX * frame.pixelRatio}px sans-serif`;
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillText(String(count), x + (SIZE + 4) * frame.pixelRatio, frame.height - FOOT * frame.pixelRatio);
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

/** Those that the pointer is on, the nearest first; of those in one place, the gravest. */
export function marksNear(marks: Mark[], ms: number, msPerPixel: number): Mark[] {
  const distance = (mark: Mark) => (ms < mark.atMs ? mark.atMs - ms : ms > mark.endMs ? ms - mark.endMs : 0);
  const cells = (mark: Mark) => Math.round(distance(mark) / (CELL_PX * msPerPixel));
  return marks
    .filter((mark) => distance(mark) <= REACH_PX * msPerPixel)
    .sort((one, other) => cells(one) - cells(other) || gravity(other) - gravity(one) || distance(one) - distance(other));
}
