// The state of a comparison, kept in the link beside the view, and what the agent answers to it.
import * as api from "../data/api.ts";
import type { Finding, Series } from "../data/types.ts";
import { containers, findContainer, panels, resolvedContainers, showView, view } from "../state/store.ts";
import { formatOther, parseOther, type Other, type Pair } from "./asked-pair.ts";

const POINTS = 4000;
const OTHER = "compare";
const METRIC = "compare_metric";
const CONTAINER = "compare_container";

export interface Compared {
  one: Series | undefined;
  other: Series | undefined;
  verdict: Finding | null;
  notes: string[];
}

export function askedOther(): Other {
  const text = view.value.extra[OTHER];
  return (text === undefined ? null : parseOther(text)) ?? { kind: "before" };
}

export function askedMetric(): string | undefined {
  const named = view.value.extra[METRIC];
  return named ?? panels.value[0];
}

export function askedContainer(): string | undefined {
  const named = view.value.extra[CONTAINER];
  const found = named === undefined ? undefined : findContainer(named)?.id;
  return found ?? resolvedContainers.value.ids[0];
}

export function setOther(other: Other): void {
  setExtra(OTHER, formatOther(other));
}

export function setMetric(metric: string): void {
  setExtra(METRIC, metric);
}

export function setContainer(id: string): void {
  setExtra(CONTAINER, id);
}

/** Whether the link says that something is compared. */
export function isCompared(): boolean {
  return view.value.extra[OTHER] !== undefined;
}

export function endComparison(): void {
  const extra = { ...view.peek().extra };
  for (const name of [OTHER, METRIC, CONTAINER]) delete extra[name];
  showView({ ...view.peek(), extra }, false);
}

export async function ask(metric: string, pair: Pair, signal: AbortSignal): Promise<Compared> {
  const side = ({ container, range }: Pair["one"]) =>
    api.timeseries({ metric: [metric], container: [container], points: POINTS }, range, signal);
  const [one, other, verdict] = await Promise.all([side(pair.one), side(pair.other), judge(metric, pair, signal)]);
  return {
    one: one.series[0],
    other: other.series[0],
    verdict: verdict.finding,
    notes: [...new Set([...one.notes, ...other.notes, ...verdict.notes])],
  };
}

/** The agent's own judgement: better, worse, same, or unclear. Its absence keeps nothing from being compared. */
async function judge(metric: string, { one, other }: Pair, signal: AbortSignal): Promise<{ finding: Finding | null; notes: string[] }> {
  const sameRange = one.range.from === other.range.from && one.range.to === other.range.to;
  const sameContainer = one.container === other.container;
  if (!sameContainer && !sameRange) return { finding: null, notes: [] };
  const against = sameContainer ? { baseline: other.range } : { with: other.container };
  try {
    const reply = await api.study("compare", { metric: [metric], container: [one.container], ...against }, one.range, signal);
    return { finding: reply.series[0]?.findings[0] ?? null, notes: reply.series[0]?.notes ?? [] };
  } catch (thrown) {
    signal.throwIfAborted();
    return { finding: null, notes: [thrown instanceof Error ? thrown.message : "the study compare has no answer"] };
  }
}

function setExtra(name: string, value: string): void {
  showView({ ...view.peek(), extra: { ...view.peek().extra, [name]: value } }, false);
}

export function chosenIds(): string[] {
  return containers.value.length === 0 ? [] : resolvedContainers.value.ids;
}
