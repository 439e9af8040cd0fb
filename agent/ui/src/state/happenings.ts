// Events of the chosen containers and of the agent in and around the visible range. Asked for a wider range than is
// seen, so that panning seldom asks; while somebody records, every few seconds what is new.
import { effect, signal } from "@preact/signals";
import * as api from "../data/api.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import { source } from "../data/source.ts";
import type { AgentEvent } from "../data/types.ts";
import { nowMs, records } from "./clock.ts";
import { keyOf, missingBeforeMs, MOST_EVENTS_AT_ONCE, OF_THE_AGENT, searchEvents, withNewer } from "./event-search.ts";
import type { Found, LeftOut } from "./event-search.ts";
import { containersKnown, findContainer, resolvedContainers } from "./names.ts";
import { moving, panels, visibleRange } from "./view.ts";

const REST_MS = 400;
/** Up to so many containers are asked about one by one, more are picked out of everybody's events. */
const MOST_ASKED_SINGLY = 8;
/** Of each container in a shared file. */
const MOST_SAVED = 1000;
const ASK_AGAIN_MS = 5000;
/** An event may be written so long after it happened. */
const LATE_MS = 10_000;
/** A range that lacks events is asked for anew once it is so much narrower than what was asked for. */
const NARROWER = 2.5;

export const happenings = signal<AgentEvent[]>([]);
/** What of the asked range is not among them. */
export const leftOut = signal<LeftOut[]>([]);
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
  const lacks = missingBeforeMs(leftOut.peek()) > range.from;
  const coarse = lacks && got.to - got.from > NARROWER * (range.to - range.from);
  const covered = got.who === who && range.from >= got.from && (range.to <= got.to || follows) && !coarse;
  if (!covered) return "all";
  return follows && now - got.atMs >= ASK_AGAIN_MS ? "newer" : "nothing";
}

async function askAll(range: api.Range, ids: string[]): Promise<void> {
  const span = range.to - range.from;
  const wide = { from: Math.floor(range.from - span / 2), to: Math.ceil(range.to + span / 2) };
  const found = await ask(eventQuestions(ids, source().embedded ? "singly" : "short"), wide, ids);
  if (!found) return;
  leftOut.value = found.left;
  keep(found.events, { ...wide, who: ids.join(",") });
}

/** While somebody records, only what is new is asked for, of everybody at once. */
async function askNewer(range: api.Range, ids: string[]): Promise<void> {
  const { who } = got;
  const to = Math.ceil(range.to + (range.to - range.from) / 2);
  const found = await ask([{}], { from: Math.floor(got.atMs - LATE_MS), to }, ids);
  if (!found) return;
  if (found.left.length > 0) leftOut.value = withNewer(leftOut.peek(), found.left);
  const from = Math.max(got.from, range.from - (range.to - range.from));
  const inside = happenings.peek().filter(({ time }) => Date.parse(time) >= from);
  const known = new Set(inside.map(keyOf));
  const added = found.events.filter((event) => !known.has(keyOf(event)));
  keep(added.length === 0 && inside.length === happenings.peek().length ? null : [...inside, ...added], { from, to, who });
}

/** The events that are meant; null where the answer does not count. */
async function ask(questions: api.EventQuestion[], range: api.Range, ids: string[]): Promise<Found | null> {
  giveUp.abort();
  giveUp = new AbortController();
  try {
    const { signal } = giveUp;
    const askOne: typeof api.events = (question, within) => api.events(question, within, signal);
    const found = await Promise.all(questions.map((question) => searchEvents(question, range, askOne)));
    const wanted = new Set(ids);
    happeningsProblem.value = null;
    return { events: found.flatMap(({ events }) => events).filter((event) => isWanted(event, wanted)), left: found.flatMap(({ left }) => left) };
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

/** What is asked about the agent and the containers: one by one, or everybody at once where they are many. */
export function eventQuestions(ids: string[], how: "singly" | "short"): api.EventQuestion[] {
  const limit = how === "singly" ? MOST_SAVED : MOST_EVENTS_AT_ONCE;
  const ofAgent = { kind: OF_THE_AGENT, limit };
  if (ids.length === 0) return [ofAgent];
  if (how === "singly" || ids.length <= MOST_ASKED_SINGLY) return [ofAgent, ...ids.map((id) => ({ container_id: id, limit }))];
  const namespaces = new Set(ids.map((id) => findContainer(id)?.namespace ?? null));
  const [namespace] = namespaces;
  return namespaces.size === 1 && namespace ? [ofAgent, { namespace, limit }] : [{ limit }];
}

function isWanted(event: AgentEvent, ids: Set<string>): boolean {
  return event.container_id === undefined ? OF_THE_AGENT.includes(event.kind) : ids.has(event.container_id);
}
