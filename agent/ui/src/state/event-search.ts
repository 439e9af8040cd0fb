// The events of a question as completely as is affordable: the newest of all kinds; where there are older ones, the grave kinds
// come before the frequent ones, each in pages. What is left out in the end is told, never passed over.
import type { EventQuestion, Range } from "../data/api.ts";
import type { AgentEvent, Events } from "../data/types.ts";
import { formatMoment } from "../lib/time.ts";

export const MOST_EVENTS_AT_ONCE = 5000;
const MOST_PAGES = 4;

export const OF_THE_AGENT = ["agent_start", "agent_stop", "missed_ticks", "reads_shed", "reads_resumed", "budget_change", "clock_step"];

interface Kinds {
  words: string;
  kind: string[];
}

/** The gravest and the rarest first. */
const BY_GRAVITY: Kinds[] = [
  { words: "OOM kills", kind: ["oom_kill"] },
  { words: "restarts", kind: ["container_restart", "container_terminated"] },
  { words: "limit changes", kind: ["limit_change"] },
  { words: "stops", kind: ["container_stop"] },
  { words: "starts", kind: ["container_start"] },
  { words: "events of the agent", kind: OF_THE_AGENT },
  { words: "throttling", kind: ["throttling_begin", "throttling_end"] },
];

/** Events that were not got: those of some kinds before a moment. */
export interface LeftOut {
  words: string;
  /** So many that are newer were looked at. */
  looked: number;
  beforeMs: number;
  /** They are nowhere to be had: in a shared file. */
  forGood?: boolean;
}

export interface Found {
  events: AgentEvent[];
  left: LeftOut[];
}

interface Pages {
  events: AgentEvent[];
  /** null where all are there. */
  missingBeforeMs: number | null;
}

export type AskEvents = (question: EventQuestion, range: Range) => Promise<Events>;

export async function searchEvents(question: EventQuestion, range: Range, ask: AskEvents): Promise<Found> {
  const limit = Math.min(question.limit ?? MOST_EVENTS_AT_ONCE, MOST_EVENTS_AT_ONCE);
  const newest = await ask({ ...question, limit }, range);
  const events = newest.events;
  if (newest.saved) return { events, left: [{ words: "events", looked: newest.saved.count, beforeMs: newest.saved.oldestMs, forGood: true }] };
  if (!newest.more || events.length === 0) return { events, left: [] };
  const cutMs = oldestMs(events);
  const left: LeftOut[] = [];
  const known = new Set(events.map(keyOf));
  for (const { words, kind } of kindsOf(question)) {
    const older = await pagesOf({ ...question, kind, limit }, { from: range.from, to: cutMs + 1 }, ask, known);
    events.push(...older.events);
    if (older.missingBeforeMs === null) continue;
    left.push({ words, looked: events.filter((event) => kind.includes(event.kind)).length, beforeMs: older.missingBeforeMs });
  }
  return { events, left };
}

/** A page ends with the millisecond at which the next one begins; what is in both is taken once. */
async function pagesOf(question: EventQuestion, range: Range, ask: AskEvents, known: Set<string>): Promise<Pages> {
  const events: AgentEvent[] = [];
  let { to } = range;
  for (let page = 1; page <= MOST_PAGES; page += 1) {
    const got = await ask(question, { from: range.from, to });
    const fresh = got.events.filter((event) => !known.has(keyOf(event)));
    fresh.forEach((event) => known.add(keyOf(event)));
    events.push(...fresh);
    if (!got.more) return { events, missingBeforeMs: null };
    if (fresh.length === 0) break;
    to = oldestMs(fresh) + 1;
  }
  return { events, missingBeforeMs: to - 1 };
}

function kindsOf({ kind, container_id }: EventQuestion): Kinds[] {
  const all = container_id === undefined ? BY_GRAVITY : BY_GRAVITY.filter((one) => one.kind !== OF_THE_AGENT);
  return all.map((one) => ({ ...one, kind: one.kind.filter((name) => !kind || kind.includes(name)) })).filter((one) => one.kind.length > 0);
}

function oldestMs(events: AgentEvent[]): number {
  return Math.floor(events.reduce((least, { time }) => Math.min(least, Date.parse(time)), Number.POSITIVE_INFINITY));
}

export function keyOf(event: AgentEvent): string {
  return `${event.time}|${event.kind}|${event.container_id ?? ""}|${event.pid ?? ""}`;
}

/** What is left out once newer events were asked for: of some kinds the later moment says all, so there is one of each. */
export function withNewer(left: LeftOut[], newer: LeftOut[]): LeftOut[] {
  const words = new Set(newer.map((one) => one.words));
  return [...left.filter((one) => !words.has(one.words)), ...newer];
}

/** Says what is missing from the marks of a range; null where nothing is. */
export function sentenceAbout(left: LeftOut[], fromMs: number): string | null {
  const seen = new Map<string, LeftOut>();
  for (const one of left) {
    if (one.beforeMs <= fromMs) continue;
    const same = seen.get(one.words);
    seen.set(one.words, { ...one, looked: one.looked + (same?.looked ?? 0), beforeMs: Math.max(one.beforeMs, same?.beforeMs ?? 0) });
  }
  if (seen.size === 0) return null;
  const parts = [...seen.values()].map(({ words, looked, beforeMs }) => `of ${words} the newest ${looked.toLocaleString("en")}, from ${formatMoment(beforeMs)} on`);
  const rest = [...seen.values()].some(({ forGood }) => forGood) ? "This file has no others." : "A shorter range has the rest.";
  return `Not all marks are shown: ${parts.join("; ")}. ${rest}`;
}

/** Before this moment some marks are missing. */
export function missingBeforeMs(left: LeftOut[]): number {
  return left.reduce((most, { beforeMs }) => Math.max(most, beforeMs), Number.NEGATIVE_INFINITY);
}
