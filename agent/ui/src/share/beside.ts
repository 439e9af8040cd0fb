// What a shared file needs beside its charts: the comparison of the view and the processes of the moment, where these are
// open. What is not open is not saved, and is not offered in the file.
import * as api from "../data/api.ts";
import { embeddedKey } from "../data/embedded.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import type { Params } from "../data/source.ts";
import { ask, askedContainer, askedMetric, askedOther, firstSeen, isCompared, sideQuestion, verdictQuestion } from "../compare/comparison.ts";
import { pairOf } from "../compare/asked-pair.ts";
import type { Pair } from "../compare/asked-pair.ts";
import { momentMs } from "../processes/moment.ts";
import { chosenStudies, drawer, findContainer, resolvedContainers, say } from "../state/store.ts";

type Replies = Record<string, unknown>;

/** The processes of so many containers are saved. */
const MOST_CONTAINERS = 20;

/** The file is worth having without such a part: where it cannot be got, it is left out, and a sentence says so. */
export async function unlessItFails(part: "comparison" | "processes", put: Promise<void>): Promise<void> {
  try {
    await put;
  } catch (thrown) {
    if (isAbort(thrown)) throw thrown;
    say(`The file has no ${part}: ${sentenceOf(thrown)}`);
  }
}

/** Containers that a study or the comparison names, though the charts do not show them. */
export function namedBeside(): string[] {
  const other = askedOther();
  const named = chosenStudies.peek().flatMap(({ container, with: against }) => [container, against]);
  const compared = [askedContainer(askedMetric()) ?? undefined, other.kind === "container" ? other.id : undefined];
  return [...named, ...compared].flatMap((id) => (id === undefined ? [] : (findContainer(id)?.id ?? [])));
}

/** What the view compares in a range; null where it compares nothing. */
export function comparedIn(range: api.Range): { metric: string; pair: Pair } | null {
  const metric = askedMetric();
  const container = askedContainer(metric);
  if (metric === undefined || container === undefined || !(isCompared() || drawer.peek() === "compare")) return null;
  return { metric, pair: pairOf(container, range, askedOther(), firstSeen) };
}

/**
 * Where the answers of a comparison are kept. Both sides have the same question but for the range, so each has a mark of its own.
 * docs/shared-file.json has the same keys for the program that makes such files too.
 */
export function comparisonKeys(metric: string, pair: Pair): { one: string; other: string; verdict: string | null } {
  const side = (part: "one" | "other") => embeddedKey("/api/timeseries", { ...sideQuestion(metric, pair[part].container), part } as Params);
  const question = verdictQuestion(metric, pair);
  const verdict = question && embeddedKey("/api/study/compare", api.studyParams(question));
  return { one: side("one"), other: side("other"), verdict };
}

export async function putComparison(replies: Replies, range: api.Range): Promise<void> {
  const compared = comparedIn(range);
  if (compared === null) return;
  const { metric, pair } = compared;
  const { one, other, verdicts, notes } = await ask(metric, pair);
  const keys = comparisonKeys(metric, pair);
  replies[keys.one] = { ...pair.one.range, series: one, notes: [] };
  replies[keys.other] = { ...pair.other.range, series: other, notes: [] };
  if (keys.verdict !== null) replies[keys.verdict] = { study: "compare", from: "", to: "", series: verdicts, notes };
}

export async function putProcesses(replies: Replies): Promise<void> {
  if (drawer.peek() !== "processes") return;
  const at = momentMs.peek();
  const ids = resolvedContainers.peek().ids.slice(0, MOST_CONTAINERS);
  const found = await Promise.all(ids.map(async (container) => [embeddedKey("/api/processes", { container, at }), await api.processes(container, at)]));
  Object.assign(replies, Object.fromEntries(found));
}
