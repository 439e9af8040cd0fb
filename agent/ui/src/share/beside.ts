// What a shared file needs beside its charts: the comparison of the view and the processes of the moment, where these are
// open. What is not open is not saved, and is not offered in the file.
import * as api from "../data/api.ts";
import { embeddedKey } from "../data/embedded.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import type { Params } from "../data/source.ts";
import { ask, askedContainer, askedMetric, askedOther, firstSeen, isCompared, sideQuestion, verdictQuestion } from "../compare/comparison.ts";
import { pairOf } from "../compare/asked-pair.ts";
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
  return [...named, other.kind === "container" ? other.id : undefined].flatMap((id) => (id === undefined ? [] : (findContainer(id)?.id ?? [])));
}

/** Both sides have the same question but for the range, so each has a mark of its own in its key. */
export async function putComparison(replies: Replies, range: api.Range): Promise<void> {
  const metric = askedMetric();
  const container = askedContainer(metric);
  if (metric === undefined || container === undefined || !(isCompared() || drawer.peek() === "compare")) return;
  const pair = pairOf(container, range, askedOther(), firstSeen);
  const { one, other, verdicts, notes } = await ask(metric, pair);
  for (const [part, side, series] of [["one", pair.one, one], ["other", pair.other, other]] as const) {
    const key = embeddedKey("/api/timeseries", { ...sideQuestion(metric, side.container), part } as Params);
    replies[key] = { ...side.range, series, notes: [] };
  }
  const question = verdictQuestion(metric, pair);
  if (question === null) return;
  const { baseline, ...rest } = question;
  const params = baseline ? { ...rest, baseline_from: baseline.from, baseline_to: baseline.to } : rest;
  replies[embeddedKey("/api/study/compare", params as Params)] = { study: "compare", from: "", to: "", series: verdicts, notes };
}

export async function putProcesses(replies: Replies): Promise<void> {
  if (drawer.peek() !== "processes") return;
  const at = momentMs.peek();
  const ids = resolvedContainers.peek().ids.slice(0, MOST_CONTAINERS);
  const found = await Promise.all(ids.map(async (container) => [embeddedKey("/api/processes", { container, at }), await api.processes(container, at)]));
  Object.assign(replies, Object.fromEntries(found));
}
