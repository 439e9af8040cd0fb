// Answers from an agent over HTTP: one request for equal questions that are asked at once, given up when nobody waits
// any more, repeated when the agent is busy. What is over and cannot change any more is kept.
import { signal as makeSignal } from "@preact/signals";
import { Failure, GONE, failureOfStatus, isAbort } from "./failure.ts";
import { queryText } from "./query.ts";
import { RecentReplies } from "./recent.ts";
import type { Params, Source } from "./source.ts";
import { fetchOnceAllowed } from "./token.ts";
import { Turns } from "./turns.ts";

const MOST_AT_ONCE = 4;
const BUSY_TRIES = 3;
const BUSY_WAIT_MS = 1000;
const UNCHANGING = ["/api/metrics", "/api/studies"];

/** Whether the last request reached the agent. */
export const reachable = makeSignal(true);
/** The agent's clock less the browser's. */
export const clockAheadMs = makeSignal(0);

let unchangingBeforeMs = 0;

/** Answers about ranges that end before this may be kept. */
export function keepAnswersBefore(ms: number): void {
  unchangingBeforeMs = ms;
}

interface Asked {
  promise: Promise<unknown>;
  giveUp: AbortController;
  waiting: number;
}

export class HttpSource implements Source {
  readonly embedded = false;
  private asked = new Map<string, Asked>();
  private recent = new RecentReplies();
  private turns = new Turns(MOST_AT_ONCE);

  async get(path: string, params: Params, signal?: AbortSignal): Promise<unknown> {
    signal?.throwIfAborted();
    const query = queryText(params);
    const address = query === "" ? path : `${path}?${query}`;
    const kept = this.recent.get(address);
    if (kept !== undefined) return kept;
    const asked = this.asked.get(address) ?? this.ask(address, mayKeep(path, params));
    return share(asked, signal);
  }

  private ask(address: string, keep: boolean): Asked {
    const giveUp = new AbortController();
    const promise = this.turns
      .take(() => fetchJson(address, giveUp.signal), giveUp.signal)
      .then(({ reply, chars }) => {
        if (keep) this.recent.put(address, reply, chars);
        return reply;
      })
      .finally(() => {
        if (this.asked.get(address) === asked) this.asked.delete(address);
      });
    promise.catch(() => undefined);
    const asked: Asked = { promise, giveUp, waiting: 0 };
    this.asked.set(address, asked);
    giveUp.signal.addEventListener("abort", () => this.asked.delete(address), { once: true });
    return asked;
  }
}

function share(asked: Asked, signal?: AbortSignal): Promise<unknown> {
  asked.waiting += 1;
  if (!signal) return asked.promise;
  return new Promise((resolve, reject) => {
    const leave = () => {
      asked.waiting -= 1;
      if (asked.waiting === 0) asked.giveUp.abort();
      reject(new DOMException("nobody waits for it any more", "AbortError"));
    };
    signal.addEventListener("abort", leave, { once: true });
    asked.promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", leave));
  });
}

function mayKeep(path: string, params: Params): boolean {
  if (UNCHANGING.includes(path)) return true;
  return typeof params.to === "number" && params.to <= unchangingBeforeMs;
}

async function fetchJson(address: string, signal: AbortSignal): Promise<{ reply: unknown; chars: number }> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await fetchOnce(address, signal);
    } catch (thrown) {
      const again = thrown instanceof Failure && thrown.kind === "busy" && tries < BUSY_TRIES;
      if (!again) throw thrown;
      await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS));
      signal.throwIfAborted();
    }
  }
}

async function fetchOnce(address: string, signal: AbortSignal): Promise<{ reply: unknown; chars: number }> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetchOnceAllowed(`.${address}`, { signal, headers: { Accept: "application/json" } });
    text = await answer.text();
  } catch (thrown) {
    if (isAbort(thrown)) throw thrown;
    reachable.value = false;
    throw new Failure("gone", GONE);
  }
  reachable.value = answer.status !== 502 && answer.status !== 504;
  if (!reachable.value) throw new Failure("gone", GONE, answer.status);
  if (!answer.ok) throw failureOfStatus(answer.status, errorIn(text));
  noteClock(answer.headers.get("date"));
  return { reply: parse(text), chars: text.length };
}

function errorIn(text: string): string {
  try {
    const said = (JSON.parse(text) as { error?: unknown }).error;
    return typeof said === "string" ? said : "";
  } catch {
    return "";
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure("broken", "The agent's answer cannot be read; the connection may have broken.");
  }
}

function noteClock(date: string | null): void {
  const ms = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(ms)) return;
  const ahead = ms + 500 - Date.now();
  clockAheadMs.value = Math.abs(ahead) < 2000 ? 0 : ahead;
}
