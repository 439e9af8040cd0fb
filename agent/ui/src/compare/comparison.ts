// The state of a comparison, kept in the link beside the view, and what the agent answers to it.
import * as api from "../data/api.ts";
import type { Finding, Series, StudiedSeries, SubjectNames } from "../data/types.ts";
import { findContainer, isOfNode, panels, resolvedContainers, showView, subjectName, view } from "../state/store.ts";
import { formatOther, parseOther, type Other, type Pair, type Side } from "./asked-pair.ts";

const POINTS = 4000;
const OTHER = "compare";
const METRIC = "compare_metric";
const CONTAINER = "compare_container";
const OF = "compare_of";

export interface Compared {
  /** A device, an interface or a process each, where a metric is of those; else at most one. */
  one: Series[];
  other: Series[];
  verdicts: StudiedSeries[];
  notes: string[];
}

/** What of an answer is compared. */
export interface Sides {
  one: Series | undefined;
  other: Series | undefined;
  verdict: Finding | null;
  notes: string[];
}

/** A container has its whole id here, though the link may have the begin of it. */
export function askedOther(): Other {
  const text = view.value.extra[OTHER];
  const other = (text === undefined ? null : parseOther(text)) ?? { kind: "before" };
  return other.kind === "container" ? { ...other, id: findContainer(other.id)?.id ?? other.id } : other;
}

export function askedMetric(): string | undefined {
  const named = view.value.extra[METRIC];
  return named ?? panels.value[0];
}

/** The container of a comparison of this metric; null for one of the node, undefined where none is chosen. */
export function askedContainer(metric: string | undefined): string | null | undefined {
  if (metric !== undefined && isOfNode(metric)) return null;
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

/** Which device, interface or process is compared; the first where the link has none. */
export function askedSubject(): string | undefined {
  return view.value.extra[OF];
}

export function setSubject(name: string): void {
  setExtra(OF, name);
}

export function setContainer(id: string): void {
  setExtra(CONTAINER, id);
}

/** When a container began, as far as it is known. */
export function firstSeen(id: string): number | null {
  const container = findContainer(id);
  return container ? Date.parse(container.first_seen) : null;
}

/** Whether the link says that something is compared. */
export function isCompared(): boolean {
  return view.value.extra[OTHER] !== undefined;
}

export function endComparison(): void {
  const extra = { ...view.peek().extra };
  for (const name of [OTHER, METRIC, CONTAINER, OF]) delete extra[name];
  showView({ ...view.peek(), extra }, false);
}

export async function ask(metric: string, pair: Pair, signal?: AbortSignal): Promise<Compared> {
  const side = ({ container, range }: Side) => api.timeseries(sideQuestion(metric, container), range, signal);
  const [one, other, { series, notes }] = await Promise.all([side(pair.one), side(pair.other), judge(metric, pair, signal)]);
  return { one: one.series, other: other.series, verdicts: series, notes: [...new Set([...one.notes, ...other.notes, ...notes])] };
}

export function sideQuestion(metric: string, container: string | null): api.SeriesQuestion {
  return { metric: [metric], container: container === null ? undefined : [container], points: POINTS };
}

/** The names that may be chosen from where an answer has several series. */
export function subjectsOf({ one, other }: Compared): string[] {
  return [...new Set([...one, ...other].map(partName))];
}

/** The two series of one name, and what the agent says of them. Names count only where a side has several. */
export function sidesOf({ one, other, verdicts, notes }: Compared, name: string | undefined): Sides {
  const called = (series: SubjectNames) => partName(series) === name;
  const alone = one.length <= 1 && other.length <= 1;
  const pick = <T extends SubjectNames>(from: T[]) => from.find(called) ?? (alone && from.length === 1 ? from[0] : undefined);
  const verdict = pick(verdicts);
  return {
    one: pick(one),
    other: pick(other),
    verdict: verdict?.findings[0] ?? null,
    notes: [...notes, ...(verdict?.notes ?? [])],
  };
}

/** What of its container or of the node a series is; empty where it is the whole. */
function partName(series: SubjectNames): string {
  const { device, interface: network, pid, comm } = series;
  return (device ?? network ?? pid) === undefined ? "" : subjectName({ device, interface: network, pid, comm });
}

/** The agent's own judgement: better, worse, same, or unclear. Its absence keeps nothing from being compared. */
async function judge(metric: string, pair: Pair, signal?: AbortSignal): Promise<{ series: StudiedSeries[]; notes: string[] }> {
  const question = verdictQuestion(metric, pair);
  if (question === null) return { series: [], notes: [] };
  try {
    const { series, notes } = await api.study("compare", question, pair.one.range, signal);
    return { series, notes };
  } catch (thrown) {
    signal?.throwIfAborted();
    return { series: [], notes: [thrown instanceof Error ? thrown.message : "the study compare has no answer"] };
  }
}

/** The study takes another range of the same container, or another container in the same range. */
export function verdictQuestion(metric: string, { one, other }: Pair): api.StudyQuestion | null {
  const container = one.container === null ? undefined : [one.container];
  if (one.container === other.container) return { metric: [metric], container, baseline: other.range };
  const sameRange = one.range.from === other.range.from && one.range.to === other.range.to;
  return sameRange ? { metric: [metric], container, with: other.container! } : null;
}

function setExtra(name: string, value: string): void {
  showView({ ...view.peek(), extra: { ...view.peek().extra, [name]: value } }, false);
}
