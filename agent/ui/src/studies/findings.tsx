// The studies of the view: add one, read what each found, zoom to a finding, change or remove one. What is found is asked for by
// the state; the charts mark the same findings.
import { useEffect, useState } from "preact/hooks";
import "./findings.css";
import { addStudy, askStudyList, chosenStudies, removeStudy, replaceStudy, studied, studyList, studyText, visibleRange } from "../state/store.ts";
import type { ChosenStudy, Studied } from "../state/store.ts";
import { source } from "../data/source.ts";
import { describeStudied } from "./describe.ts";
import { draftOf, newDraft } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { FindingList } from "./finding-list.tsx";
import { StudyForm } from "./study-form.tsx";

/** What is typed stays while the drawer is closed. */
const adding = newDraft();

export function Findings() {
  useEffect(() => void askStudyList(), []);
  const all = chosenStudies.value.map(resultOf);
  return (
    <section class="drawer-part findings" aria-label="Studies and what they found">
      <h2>Studies</h2>
      {source().embedded
        ? <p class="hint">This file has what these studies had found when it was saved; others need the agent.</p>
        : <StudyForm draft={adding} changes={false} onDone={addStudy} />}
      {all.length === 0 && !source().embedded && (
        <p class="hint">A study looks for one known shape of trouble in what is shown: a change, a trend, a period, an OOM kill.
          Choose one above; what it finds is listed here and marked on the charts.</p>
      )}
      {all.map((one) => <StudyResult key={one.text} one={one} />)}
    </section>
  );
}

/** What is known of a chosen study; one that was just added is still to be asked for. */
function resultOf(chosen: ChosenStudy): Studied {
  const text = studyText(chosen);
  const known = studied.value.find((one) => one.text === text);
  return known ?? { text, chosen, loading: true, problem: null, reply: null, question: null };
}

function StudyResult({ one }: { one: Studied }) {
  const [draft, setDraft] = useState<Draft | null>(null);
  const { name, place } = describeStudied(one.chosen, studyList.value);
  const count = one.reply?.series.reduce((sum, series) => sum + series.findings.length, 0) ?? 0;
  return (
    <section class="study" aria-label={`${name} ${place}`} aria-busy={one.loading}>
      <header class="study-head">
        <h3>{name}<small>{place}</small></h3>
        <span class="hint" role="status">{statusOf(one, count)}</span>
        {!source().embedded && <button type="button" class="quiet" aria-expanded={draft !== null} aria-label={`Change ${name} ${place}`} title="Change its parameters"
          onClick={() => setDraft(draft === null ? draftOf(one.chosen, studyList.value.find(({ id }) => id === one.chosen.study)) : null)}>✎</button>}
        <button type="button" class="quiet" aria-label={`Remove ${name} ${place}`} onClick={() => removeStudy(one.text)}>✕</button>
      </header>
      {draft && <StudyForm draft={draft} changes onCancel={() => setDraft(null)} onDone={(changed) => {
        setDraft(null);
        replaceStudy(one.text, changed);
      }} />}
      {one.problem && <p class="problem" role="alert">{one.problem}</p>}
      {one.reply && <FindingList reply={one.reply} range={visibleRange.value} />}
    </section>
  );
}

function statusOf({ loading, problem, reply }: Studied, count: number): string {
  if (loading) return "looking…";
  if (problem || !reply) return "";
  return count === 1 ? "1 finding" : `${count} findings`;
}
