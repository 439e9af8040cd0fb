// A question that got no answer, as one sentence that tells the reader what is wrong. Aborted questions are not told.

export type FailureKind = "gone" | "busy" | "refused" | "unknown" | "broken";

export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    readonly sentence: string,
    readonly status = 0,
  ) {
    super(sentence);
    this.name = "Failure";
  }
}

/** What any thrown thing is as a sentence. */
export function sentenceOf(thrown: unknown): string {
  if (thrown instanceof Failure) return thrown.sentence;
  if (thrown instanceof Error) return `Something in the viewer went wrong: ${thrown.message}`;
  return "Something in the viewer went wrong.";
}

export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === "AbortError";
}

/** The agent's own sentence, with what its status means for the reader. */
export function failureOfStatus(status: number, said: string): Failure {
  const sentence = said === "" ? `the agent answered with status ${status}` : said;
  if (status === 503 || status === 429) return new Failure("busy", `The agent is busy: ${sentence}`, status);
  if (status === 401 || status === 403) return new Failure("refused", `The agent refuses to answer: ${sentence}`, status);
  if (status === 404) return new Failure("unknown", upperFirst(sentence), status);
  if (status >= 500) return new Failure("broken", `The agent failed: ${sentence}`, status);
  return new Failure("refused", upperFirst(sentence), status);
}

export const GONE = "The agent does not answer. The page tries again by itself.";

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
