// What is looked at: range, panels, containers, studies, and the actions that change it. Everything here is in the
// link; address.ts writes and reads it. Parts have signals of their own, so that a moved range redraws no list.
import { batch, computed, signal } from "@preact/signals";
import { emptyView, MOST_CONTAINERS, MOST_PANELS } from "../lib/link.ts";
import type { View } from "../lib/link.ts";
import { durationMs, parseTime, toRfc3339 } from "../lib/time.ts";
import { Zooms } from "../lib/zooms.ts";
import { nowMs, recordedFromMs } from "./clock.ts";
import { say } from "./notices.ts";

export const DEFAULT_RANGE = "1h";
const LEAST_SPAN_MS = 1000;
const TOUCHES_WITHIN_MS = 2000;
const MOST_STUDIES = 12;

export const view = signal<View>(emptyView());
/** How the next change gets into the browser's history. */
export const nextEntry = { push: false };

export const panels = computed(() => view.value.panels);
export const containers = computed(() => view.value.containers);
export const studies = computed(() => view.value.studies);

const quick = computed(() => {
  const { from, to, range } = view.value;
  return range ?? (from === undefined && to === undefined ? DEFAULT_RANGE : null);
});
/** The name of the range that follows now, or null where the range stands still. */
export const quickRange = computed(() => quick.value);
export const follows = computed(() => quick.value !== null);

const visibleFrom = computed(() => {
  if (quick.value === "all") return recordedFromMs.value;
  if (quick.value !== null) return nowMs.value - (durationMs(quick.value) ?? 3_600_000);
  const { from, to } = view.value;
  const parsed = from === undefined ? null : parseTime(from, nowMs.peek());
  return parsed ?? (to === undefined ? nowMs.value : (parseTime(to, nowMs.peek()) ?? nowMs.value)) - 3_600_000;
});
const visibleTo = computed(() => {
  if (quick.value !== null) return Math.max(nowMs.value, visibleFrom.value + LEAST_SPAN_MS);
  const { to } = view.value;
  const parsed = to === undefined ? nowMs.value : parseTime(to, nowMs.peek());
  return Math.max(parsed ?? nowMs.value, visibleFrom.value + LEAST_SPAN_MS);
});
/** New readings would be in the picture. */
export const touchesNow = computed(() => follows.value || visibleTo.value > nowMs.value - TOUCHES_WITHIN_MS);
export const visibleRange = computed(() => ({ from: visibleFrom.value, to: visibleTo.value }));

/** Where the pointer or the keyboard stands on the shared time axis; null for nowhere. */
export const cursorTime = signal<number | null>(null);
/** A range is being moved by hand: draw, ask later. */
export const moving = signal(false);

const zooms = new Zooms();
export const canZoom = signal({ back: false, forward: false });

export function change(part: Partial<View>, push = true): void {
  nextEntry.push ||= push;
  view.value = { ...view.value, ...part };
}

/** Moves the range without leaving a trace in the history: while it is dragged. */
export function moveRange(fromMs: number, toMs: number): void {
  const { from, to } = withinReason(fromMs, toMs);
  change({ from: toRfc3339(from), to: toRfc3339(to), range: undefined }, false);
}

export function setRange(fromMs: number, toMs: number): void {
  rememberZoom();
  moveRange(fromMs, toMs);
  nextEntry.push = true;
  rememberZoom();
}

export const zoomTo = setRange;

export function setQuickRange(name: string): void {
  if (name !== "all" && durationMs(name) === null) return;
  rememberZoom();
  change({ range: name, from: undefined, to: undefined });
  rememberZoom();
}

/** Called when a drag or a turn of the wheel has come to rest. */
export function settleRange(): void {
  nextEntry.push = true;
  moving.value = false;
  view.value = { ...view.value };
  rememberZoom();
}

export function zoomBack(): void {
  showZoom(zooms.back());
}

export function zoomForward(): void {
  showZoom(zooms.forward());
}

/** Shows all that there is, or what was shown before the first zoom. */
export function resetRange(): void {
  setQuickRange(quick.peek() !== null && quick.peek() !== "all" ? "all" : (lastQuick ?? "all"));
}

/** A range that was looked at, with its name where it followed now. */
interface NamedRange {
  from: number;
  to: number;
  name?: string | null;
}

let lastQuick: string | null = null;
let topQuick: string | null = null;

function rememberZoom(): void {
  const name = quick.peek();
  if (name !== null && name !== "all") lastQuick = name;
  if (name === null || name !== topQuick) zooms.push({ ...visibleRange.peek(), name } as NamedRange);
  topQuick = name;
  canZoom.value = { back: zooms.canBack, forward: zooms.canForward };
}

function showZoom(range: NamedRange | null): void {
  if (!range) return;
  topQuick = range.name ?? null;
  if (range.name) change({ range: range.name, from: undefined, to: undefined }, false);
  else moveRange(range.from, range.to);
  canZoom.value = { back: zooms.canBack, forward: zooms.canForward };
}

function withinReason(fromMs: number, toMs: number): { from: number; to: number } {
  const from = Math.min(fromMs, toMs);
  const to = Math.max(fromMs, toMs);
  const short = LEAST_SPAN_MS - (to - from);
  return short > 0 ? { from: from - short / 2, to: to + short / 2 } : { from, to };
}

export function addPanel(metric: string): void {
  const now = panels.peek();
  if (now.includes(metric)) return;
  if (now.length >= MOST_PANELS) {
    say(`There are ${MOST_PANELS} panels already; remove one to add another.`);
    return;
  }
  change({ panels: [...now, metric] });
}

export function setPanels(metrics: string[]): void {
  const once = [...new Set(metrics)];
  if (once.length > MOST_PANELS) say(`Of ${once.length} panels the first ${MOST_PANELS} are shown.`);
  change({ panels: once.slice(0, MOST_PANELS) });
}

export function removePanel(index: number): void {
  change({ panels: panels.peek().filter((_, at) => at !== index) });
}

export function replacePanel(index: number, metric: string): void {
  if (panels.peek().includes(metric)) return;
  change({ panels: panels.peek().map((before, at) => (at === index ? metric : before)) });
}

export function movePanel(index: number, to: number): void {
  const now = [...panels.peek()];
  const [moved] = now.splice(index, 1);
  if (moved === undefined || to < 0 || to > now.length) return;
  now.splice(to, 0, moved);
  change({ panels: now });
}

export function setContainers(ids: string[]): void {
  const once = [...new Set(ids)];
  if (once.length > MOST_CONTAINERS) say(`Of ${once.length} containers the first ${MOST_CONTAINERS} are shown.`);
  change({ containers: once.slice(0, MOST_CONTAINERS) });
}

export function toggleContainer(id: string): void {
  const now = containers.peek();
  setContainers(now.includes(id) ? now.filter((other) => other !== id) : [...now, id]);
}

/**
 * A study as the link has it: `trend`, `trend:METRIC` or `trend:METRIC:CONTAINER`, where an empty METRIC means none; then
 * what is set of it, as in `trend;significance:6;with:CONTAINER`.
 */
export interface ChosenStudy {
  study: string;
  panel?: string;
  container?: string;
  /** NAME:NUMBER each, as the API takes them; what is not named has its default. */
  set?: string[];
  /** The container that it is compared with. */
  with?: string;
}

const WITH = "with:";

export function studyText({ study, panel, container, set = [], with: other }: ChosenStudy): string {
  const place = container ? `${study}:${panel ?? ""}:${container}` : panel ? `${study}:${panel}` : study;
  return [place, ...set, ...(other ? [WITH + other] : [])].join(";");
}

export function studyOf(text: string): ChosenStudy {
  const [place = "", ...settings] = text.split(";");
  const [study = "", panel, ...rest] = place.split(":");
  const set = settings.filter((one) => one !== "" && !one.startsWith(WITH));
  return {
    study, panel: panel || undefined, container: rest.join(":") || undefined, set: set.length > 0 ? set : undefined,
    with: settings.find((one) => one.startsWith(WITH))?.slice(WITH.length) || undefined,
  };
}

export const chosenStudies = computed(() => studies.value.map(studyOf));

export function addStudy(chosen: ChosenStudy): void {
  const text = studyText(chosen);
  const now = studies.peek();
  if (now.includes(text)) return;
  if (now.length >= MOST_STUDIES) say(`There are ${MOST_STUDIES} studies already; remove one to add another.`);
  else change({ studies: [...now, text] });
}

/** Puts another study in the place of one; one that is there already is not shown twice. */
export function replaceStudy(text: string, chosen: ChosenStudy): void {
  const next = studyText(chosen);
  if (next === text) return;
  const others = studies.peek().filter((other) => other !== next);
  change({ studies: others.map((other) => (other === text ? next : other)) });
}

/** Takes the text of the link or its index. */
export function removeStudy(which: string | number): void {
  change({ studies: studies.peek().filter((text, at) => text !== which && at !== which) });
}

/** Everything at once, for links and dashboards. */
export function showView(next: View, push = true): void {
  batch(() => {
    nextEntry.push ||= push;
    view.value = next;
  });
}
