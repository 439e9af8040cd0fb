// A question of a component: asked anew when what it depends on changes, given up when the component goes. The answer
// before stays until the new one is there, so that nothing flickers.
import { useEffect, useState } from "preact/hooks";
import { isAbort, sentenceOf } from "../data/failure.ts";

export interface Asked<T> {
  reply: T | null;
  problem: string | null;
  loading: boolean;
}

/** `ask` is null where there is nothing to ask; `about` says in text what the question depends on. */
export function useAsked<T>(about: string, ask: ((signal: AbortSignal) => Promise<T>) | null): Asked<T> {
  const [asked, setAsked] = useState<Asked<T>>({ reply: null, problem: null, loading: ask !== null });
  useEffect(() => {
    if (!ask) {
      setAsked({ reply: null, problem: null, loading: false });
      return;
    }
    const giveUp = new AbortController();
    setAsked((before) => ({ ...before, loading: true }));
    ask(giveUp.signal).then(
      (reply) => setAsked({ reply, problem: null, loading: false }),
      (thrown) => {
        if (!isAbort(thrown)) setAsked((before) => ({ ...before, problem: sentenceOf(thrown), loading: false }));
      },
    );
    return () => giveUp.abort();
  }, [about]);
  return asked;
}
