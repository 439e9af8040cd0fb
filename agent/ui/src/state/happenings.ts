// Events of the chosen containers and of the agent in and around the visible range. Asked for a wider range than is
// seen, so that panning seldom asks.
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
const OF_THE_AGENT = ["agent_start", "agent_stop", "missed_ticks", "reads_shed", "reads_resumed", "budget_change", "clock_step"];

export const happenings = signal<AgentEvent[]>([]);
export const happeningsProblem = signal<string | null>(null);

let got = { from: 0, to: 0, who: "", atMs: 0 };
let giveUp = new AbortController();

export function startHappenings(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    const range = visibleRange.value;
    const { ids } = resolvedContainers.value;
    if (moving.value || !containersKnown.value || panels.value.length === 0) return;
    const covered = got.who === ids.join(",") && range.from >= got.from && range.to <= got.to;
    const newer = records.value && range.to > got.atMs && nowMs.value - got.atMs >= ASK_AGAIN_MS;
    const coarse = got.to - got.from > 8 * (range.to - range.from) && happenings.peek().length >= MOST_EVENTS;
    if (covered && !newer && !coarse) return;
    clearTimeout(timer);
    timer = setTimeout(() => void askFor(range, ids), REST_MS);
  });
}

async function askFor(range: api.Range, ids: string[]): Promise<void> {
  giveUp.abort();
  giveUp = new AbortController();
  const span = range.to - range.from;
  const wide = { from: Math.floor(range.from - span / 2), to: Math.ceil(range.to + span / 2) };
  try {
    const questions = eventQuestions(ids, source().embedded ? "singly" : "short");
    const replies = await Promise.all(questions.map((question) => api.events(question, wide, giveUp.signal)));
    const wanted = new Set(ids);
    const found = replies.flatMap(({ events }) => events).filter((event) => isWanted(event, wanted));
    happenings.value = found.sort((one, other) => (one.time < other.time ? -1 : 1));
    got = { ...wide, who: ids.join(","), atMs: nowMs.peek() };
    happeningsProblem.value = null;
  } catch (thrown) {
    if (isAbort(thrown)) return;
    happeningsProblem.value = sentenceOf(thrown);
  }
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
