// The agent's token, where it wants one: kept in this tab's session storage and nowhere else, sent with each question. A
// question that lacks it, or has a wrong one, waits here until somebody has given the right one.
import { signal } from "@preact/signals";

const KEPT_AS = "fgm.token";
/** A token that is tried is not waited for any longer. */
const TRIED_FOR_MS = 30_000;

export const token = signal<string | null>(readKept());
/** Why the reader is asked for it: there is none, or the agent does not take the one that is held. */
export const wanted = signal<"missing" | "wrong" | null>(null);

let waiting: (() => void)[] = [];

/** A request of the agent, with the token where there is one. Only paths of its API go through here, so nobody else gets the token. */
async function fetchWithToken(address: string, init: RequestInit = {}, sent = token.peek()): Promise<Response> {
  const headers = new Headers(init.headers);
  if (sent !== null) headers.set("Authorization", `Bearer ${sent}`);
  return fetch(address, { ...init, headers });
}

/** The same, but an answer that wants a token, or another one, is waited out. */
export async function fetchOnceAllowed(address: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
  for (;;) {
    const sent = token.peek();
    const answer = await fetchWithToken(address, init, sent);
    if (answer.status !== 401) return answer;
    if (sent === token.peek()) {
      wanted.value = sent === null ? "missing" : "wrong";
      await given(init.signal);
    }
  }
}

/** Tries a token, and takes it where the agent does. A sentence says what is wrong. */
export async function giveToken(text: string): Promise<string | null> {
  const tried = text.trim();
  if (!/^[\x21-\x7e]+$/.test(tried)) return "A token is one word of letters, digits and signs, without spaces.";
  let answer: Response;
  try {
    answer = await fetchWithToken("./api/health", { signal: AbortSignal.timeout(TRIED_FOR_MS) }, tried);
  } catch (thrown) {
    if (isTimeout(thrown)) return `The agent has not answered for ${TRIED_FOR_MS / 1000} s; try again.`;
    return "The agent does not answer; try again.";
  }
  if (answer.status === 401) return "The agent does not take this token. Compare it with the first word of its file.";
  if (!answer.ok) return `The agent answered with status ${answer.status}; try again.`;
  token.value = tried;
  keep(tried);
  wanted.value = null;
  waiting.forEach((go) => go());
  waiting = [];
  return null;
}

/** Forgets it, and what was read with it: the page begins anew. */
export function forgetToken(): void {
  keep(null);
  location.reload();
}

function isTimeout(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "TimeoutError";
}

function given(until: AbortSignal): Promise<void> {
  until.throwIfAborted();
  return new Promise((resolve, reject) => {
    const leave = () => {
      waiting = waiting.filter((waiter) => waiter !== go);
      reject(new DOMException("nobody waits for it any more", "AbortError"));
    };
    const go = () => {
      until.removeEventListener("abort", leave);
      resolve();
    };
    waiting.push(go);
    until.addEventListener("abort", leave, { once: true });
  });
}

function readKept(): string | null {
  try {
    return sessionStorage.getItem(KEPT_AS);
  } catch {
    return null;
  }
}

function keep(text: string | null): void {
  try {
    if (text === null) sessionStorage.removeItem(KEPT_AS);
    else sessionStorage.setItem(KEPT_AS, text);
  } catch {
    // Without storage it lasts as long as the page.
  }
}
