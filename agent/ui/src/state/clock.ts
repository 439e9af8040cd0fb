// What "now" is. While an agent records, it is the agent's clock; for a recording that is over, it is its last reading,
// so that "the last hour" of it is never empty. In a shared file it is the moment at which that was saved.
import { computed, effect, signal } from "@preact/signals";
import * as api from "../data/api.ts";
import type { EmbeddedSource } from "../data/embedded.ts";
import { clockAheadMs, keepAnswersBefore } from "../data/http.ts";
import { sentenceOf } from "../data/failure.ts";
import { source } from "../data/source.ts";
import type { Instance } from "../data/types.ts";

/** Rows younger than this when the page asks: somebody still records. */
const RECORDS_WITHIN_MS = 60_000;
const ASK_AGAIN_MS = 10_000;
const TRY_AGAIN_MS = 3000;
/** Rows may still be on their way for so long. */
const SETTLED_AFTER_MS = 10_000;
const TICK_MS = 1000;

export const instance = signal<Instance | null>(null);
export const instanceProblem = signal<string | null>(null);
/** Whether new readings can be expected. */
export const records = signal(false);
export const tabHidden = signal(false);
/** Now, to the second; moves only while somebody records and the tab is seen. */
export const nowMs = signal(Date.now());

export const intervalMs = computed(() => (instance.value?.interval_seconds ?? 1) * 1000);
/** From when on something is recorded; a day ago where nothing is. */
export const recordedFromMs = computed(() => {
  const recorded = instance.value?.recorded;
  return recorded ? Date.parse(recorded.from) : nowMs.value - 3_600_000;
});

export async function startClock(): Promise<void> {
  const answers = source();
  if (answers.embedded) {
    nowMs.value = (answers as EmbeddedSource).content.now;
    await askInstance();
    return;
  }
  tabHidden.value = document.hidden;
  document.addEventListener("visibilitychange", () => {
    tabHidden.value = document.hidden;
    tick();
  });
  setInterval(tick, TICK_MS);
  setInterval(() => {
    if (!tabHidden.value) void askInstance();
  }, ASK_AGAIN_MS);
  setInterval(() => {
    if (!tabHidden.value && instanceProblem.value !== null) void askInstance();
  }, TRY_AGAIN_MS);
  effect(() => keepAnswersBefore(records.value ? nowMs.value - SETTLED_AFTER_MS : nowMs.value));
  await askInstance();
}

async function askInstance(): Promise<void> {
  try {
    const answer = await api.instance();
    instanceProblem.value = null;
    if (!source().embedded) settle(answer);
    if (!sameInstance(instance.peek(), answer)) instance.value = answer;
  } catch (thrown) {
    instanceProblem.value = sentenceOf(thrown);
  }
}

function settle(answer: Instance): void {
  const lastMs = answer.recorded ? Date.parse(answer.recorded.to) : Number.NaN;
  const agentNowMs = Date.now() + clockAheadMs.value;
  const recordsNow = answer.run_id !== "" || agentNowMs - lastMs < RECORDS_WITHIN_MS;
  records.value = recordsNow;
  if (!recordsNow && !Number.isNaN(lastMs)) nowMs.value = Math.ceil(lastMs);
  else tick();
}

function tick(): void {
  if (!records.value || tabHidden.value) return;
  nowMs.value = Math.floor((Date.now() + clockAheadMs.value) / TICK_MS) * TICK_MS;
}

/** The end of what is recorded moves all the time; that alone is no news. */
function sameInstance(before: Instance | null, after: Instance): boolean {
  return before !== null && before.run_id === after.run_id && before.started === after.started
    && before.recorded?.from === after.recorded?.from && (before.recorded === null) === (after.recorded === null);
}
