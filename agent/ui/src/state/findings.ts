// What the chosen studies find in the visible range, for the charts and for the list. Asked once the range rests. A
// study of a container as a whole takes no metric and is shown on all panels.
import { computed, effect, signal } from "@preact/signals";
import * as api from "../data/api.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import type { Study, StudyReply } from "../data/types.ts";
import { containersKnown, isOfNode, metricByName, findContainer, resolvedContainers } from "./names.ts";
import { chosenStudies, moving, panels, studies, studyText, visibleRange } from "./view.ts";
import type { ChosenStudy } from "./view.ts";

const REST_MS = 300;
/** A range that follows now is studied anew after it moved by this share of itself. */
const MOVED_SHARE = 0.05;
const MOST_METRICS = 32;

export interface Studied {
  text: string;
  chosen: ChosenStudy;
  loading: boolean;
  problem: string | null;
  reply: StudyReply | null;
  /** What was asked, as the answer is kept under it. */
  question?: api.StudyQuestion | null;
}

export const studyList = signal<Study[]>([]);
export const studied = signal<Studied[]>([]);
export const findingCount = computed(() =>
  studied.value.reduce((sum, { reply }) => sum + (reply?.series.reduce((all, one) => all + one.findings.length, 0) ?? 0), 0));

let giveUp = new AbortController();
let askedRange = { from: 0, to: 0 };
let askedWhat = "";

export function startFindings(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  effect(() => {
    if (studies.value.length > 0 && studyList.value.length === 0) void askStudyList();
  });
  effect(() => {
    const range = visibleRange.value;
    const what = [studies.value, panels.value, resolvedContainers.value.ids, studyList.value.length, metricByName.value.size].join("|");
    if (moving.value || !containersKnown.value || metricByName.value.size === 0 || (what === askedWhat && !movedFar(range))) return;
    clearTimeout(timer);
    timer = setTimeout(() => askAll(range, what), REST_MS);
  });
}

export async function askStudyList(): Promise<void> {
  if (studyList.peek().length > 0) return;
  try {
    studyList.value = (await api.studies()).studies;
  } catch {
    // The next use asks again; the study itself says what is wrong.
  }
}

function movedFar(range: api.Range): boolean {
  const least = (range.to - range.from) * MOVED_SHARE;
  return Math.abs(range.from - askedRange.from) > least || Math.abs(range.to - askedRange.to) > least;
}

function askAll(range: api.Range, what: string): void {
  giveUp.abort();
  giveUp = new AbortController();
  askedRange = range;
  askedWhat = what;
  const before = new Map(studied.peek().map((one) => [one.text, one]));
  studied.value = chosenStudies.peek().map((chosen) => {
    const text = studyText(chosen);
    return { text, chosen, loading: true, problem: null, reply: before.get(text)?.reply ?? null, question: null };
  });
  for (const { text, chosen } of studied.peek()) void ask(text, chosen, range, giveUp.signal);
}

async function ask(text: string, chosen: ChosenStudy, range: api.Range, signal: AbortSignal): Promise<void> {
  try {
    const question = questionOf(chosen);
    if (typeof question === "string") {
      put(text, { loading: false, problem: question, reply: null });
      return;
    }
    const reply = await api.study(chosen.study, question, range, signal);
    put(text, { loading: false, problem: null, reply, question });
  } catch (thrown) {
    if (!isAbort(thrown)) put(text, { loading: false, problem: sentenceOf(thrown), reply: null });
  }
}

/** The question, or a sentence why there is none. */
function questionOf(chosen: ChosenStudy): api.StudyQuestion | string {
  const unknown = [chosen.container, chosen.with].find((id) => id !== undefined && !findContainer(id));
  if (unknown !== undefined) return `No container ${unknown} is recorded here.`;
  const subjects = subjectsOf(chosen);
  if (typeof subjects === "string") return subjects;
  return { ...subjects, set: chosen.set, with: chosen.with && findContainer(chosen.with)?.id };
}

function subjectsOf(chosen: ChosenStudy): api.StudyQuestion | string {
  const looksAt = studyList.peek().find((study) => study.id === chosen.study)?.looks_at;
  const ids = resolvedContainers.peek().ids;
  const own = chosen.container === undefined ? undefined : findContainer(chosen.container)?.id;
  const container = own === undefined ? ids : [own];
  if (looksAt !== undefined && looksAt !== "metric") return container.length > 0 ? { container } : "Choose a container for this study.";
  const metric = (chosen.panel === undefined ? knownPanels() : [chosen.panel]).slice(0, MOST_METRICS);
  const ofNode = metric.filter(isOfNode);
  if (metric.length === 0) return "Choose a metric for this study.";
  if (ofNode.length === metric.length) return { metric };
  if (container.length === 0) return "Choose a container for this study.";
  return { metric: metric.filter((name) => !ofNode.includes(name)), container };
}

/** A panel of an unknown metric says so itself; the studies of the others go on. */
function knownPanels(): string[] {
  return panels.peek().filter((metric) => metricByName.peek().has(metric));
}

function put(text: string, part: Partial<Studied>): void {
  studied.value = studied.peek().map((one) => (one.text === text ? { ...one, ...part } : one));
}
