// Events of the chosen containers and of the agent in and around the visible range. Asked for a wider range than is
// seen, so that panning seldom asks; while somebody records, every few seconds what is new.
import { effect, signal } from "@preact/signals";
import * as api from "../data/api.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import { source } from "../data/source.ts";
import type { AgentEvent } from "../data/types.ts";
import { nowMs, records } from "./clock.ts";
import { containersKnown, resolvedContainers } from "./names.ts";
import { moving, panels, visibleRange } from "./view.ts";

const REST_MS = 400;
/** Up to so many containers are asked about one by one, more are picked out of everybody's events. */
const MOST_ASKED_SINGLY = 8;
const MOST_EVENTS = 1000;
const MOST_OF_EVERYBODY = 5000;
const ASK_AGAIN_MS = 5000;
/** An event may be written so long after it happened. */
const LATE_MS = 10_000;
/** What was got for a range so many times wider may lack events of this one. */
const MOST_WIDER = 8;
const OF_THE_AGENT = ["agent_start", "agent_stop", "missed_ticks", "reads_shed", "reads_resumed", "budget_change", "clock_step"];

export const happenings = signal<AgentEvent[]>([]);
export const happeningsProblem = signal<string | null>(null);

let got = { from: 0, to: 0, who: "", atMs: 0 };
let failedAtMs = 0;
let giveUp = new AbortController();

export function startHappenings(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const range = visibleRange.value;
    const { ids } = resolvedContainers.value;
    if (moving.value || !containersKnown.value || panels.value.length === 0) return;
    const how = whatToAsk(range, ids.join(","), nowMs.value);
    if (how === "nothing") return;
    clearTimeout(timer);
    timer = setTimeout(() => void (how === "all" ? askAll(range, ids) : askNewer(range, ids)), REST_MS);
  });
}

function whatToAsk(range: api.Range, who: string, now: number): "all" | "newer" | "nothing" {
  if (Date.now() - failedAtMs < ASK_AGAIN_MS) return "nothing";
  const follows = records.value && range.to > got.atMs;
  const coarse = got.to - got.from > MOST_WIDER * (range.to - range.from) && happenings.peek().length >= MOST_EVENTS;
  const covered = got.who === who && range.from >= got.from && (range.to <= got.to || follows) && !coarse;
  if (!covered) return "all";
  return follows && now - got.atMs >= ASK_AGAIN_MS ? "newer" : "nothing";
}

async function askAll(range: api.Range, ids: string[]): Promise<void> {
  const span = range.to - range.from;
  const wide = { from: Math.floor(range.from - span / 2), to: Math.ceil(range.to + span / 2) };
  const found = await ask(eventQuestions(ids, source().embedded ? "singly" : "short"), wide, ids);
  if (found) keep(found, { ...wide, who: ids.join(",") });
}

/** While somebody records, only what is new is asked for, of everybody at once. */
async function askNewer(range: api.Range, ids: string[]): Promise<void> {
  const { who } = got;
  const to = Math.ceil(range.to + (range.to - range.from) / 2);
  const found = await ask([{ limit: MOST_EVENTS }], { from: Math.floor(got.atMs - LATE_MS), to }, ids);
  if (!found) return;
  const from = Math.max(got.from, range.from - (range.to - range.from));
  const inside = happenings.peek().filter(({ time }) => Date.parse(time) >= from);
  const known = new Set(inside.map(keyOf));
  const added = found.filter((event) => !known.has(keyOf(event)));
  keep(added.length === 0 && inside.length === happenings.peek().length ? null : [...inside, ...added], { from, to, who });
}

/** The events that are meant; null where the answer does not count. */
async function ask(questions: api.EventQuestion[], range: api.Range, ids: string[]): Promise<AgentEvent[] | null> {
  giveUp.abort();
  giveUp = new AbortController();
  try {
    const replies = await Promise.all(questions.map((question) => api.events(question, range, giveUp.signal)));
    const wanted = new Set(ids);
    happeningsProblem.value = null;
    return replies.flatMap(({ events }) => events).filter((event) => isWanted(event, wanted));
  } catch (thrown) {
    if (isAbort(thrown)) return null;
    failedAtMs = Date.now();
    happeningsProblem.value = sentenceOf(thrown);
    return null;
  }
}

function keep(found: AgentEvent[] | null, what: { from: number; to: number; who: string }): void {
  if (found) happenings.value = found.sort((one, other) => (one.time < other.time ? -1 : 1));
  got = { ...what, atMs: nowMs.peek() };
}

function keyOf(event: AgentEvent): string {
  return `${event.time}|${event.kind}|${event.container_id ?? ""}`;
}

/** What is asked about the agent and the containers: one by one, or everybody at once where they are many. */
export function eventQuestions(ids: string[], how: "singly" | "short"): api.EventQuestion[] {
  const ofAgent = { kind: OF_THE_AGENT, limit: MOST_EVENTS };
  if (ids.length === 0) return [ofAgent];
  if (how === "short" && ids.length > MOST_ASKED_SINGLY) return [{ limit: MOST_OF_EVERYBODY }];
  return [ofAgent, ...ids.map((id) => ({ container_id: id, limit: MOST_EVENTS }))];
}

function isWanted(event: AgentEvent, ids: Set<string>): boolean {
  return event.container_id === undefined ? OF_THE_AGENT.includes(event.kind) : ids.has(event.container_id);
}
