// Adds a study, or changes one of the view: which one, on which panel, of which container, with what set. A study of a
// container as a whole needs no panel; one that compares may be given a second container, whichever is recorded.
import { nameOf, panels, resolvedContainers, studyList } from "../state/store.ts";
import type { ChosenStudy } from "../state/store.ts";
import { Select } from "../choose/container-filters.tsx";
import { OtherContainer } from "../choose/other-container.tsx";
import type { Study } from "../data/types.ts";
import { otherOf, wholeId } from "./draft.ts";
import type { Draft } from "./draft.ts";
import { keyOfSetting, settingsOf, wordsOf } from "./settings.ts";

/** The studies that take a second container, and what they do without one. */
const WITHOUT_OTHER: Record<string, string> = { compare: "with the time before", correlate: "with all of the node" };

export interface StudyFormProps {
  draft: Draft;
  /** Which study it is stays as it is. */
  changes: boolean;
  onDone: (chosen: ChosenStudy) => void;
  onCancel?: () => void;
}

export function StudyForm({ draft, changes, onDone, onCancel }: StudyFormProps) {
  const known = studyList.value;
  const id = draft.study.value;
  const chosen = known.find((one) => one.id === id);
  const ofMetric = chosen?.looks_at === "metric";
  const onPanel = ofMetric ? offered(draft.panel.value, panels.value, changes) : "";
  const ofId = offered(wholeId(draft.container.value, changes), resolvedContainers.value.ids, changes);
  const takesOther = Object.hasOwn(WITHOUT_OTHER, id);
  const withId = takesOther ? otherOf(draft, ofId, changes) : "";
  function submit(event: SubmitEvent) {
    event.preventDefault();
    const set = chosen ? settingsOf(chosen, draft.typed.value) : [];
    draft.problem.value = typeof set === "string" ? set : null;
    if (typeof set !== "string") onDone({ study: id, panel: onPanel || undefined, container: ofId || undefined, set, with: withId || undefined });
  }
  if (known.length === 0) return <p class="hint" role="status">Asking which studies there are…</p>;
  return (
    <form class="study-form" onSubmit={submit} noValidate aria-label={changes ? `Change ${chosen?.name ?? id}` : undefined}>
      {!changes && <Select label="Study" value={id} options={known.map((one) => [one.id, one.name])} onChange={(next) => {
        draft.study.value = next;
        draft.problem.value = null;
      }} />}
      {ofMetric && <Select label="Panel" value={onPanel} none="all panels" options={named(onPanel, panels.value, (name) => name)}
        onChange={(name) => { draft.panel.value = name; }} />}
      <Select label="Container" value={ofId} none="all chosen containers" options={named(ofId, resolvedContainers.value.ids, nameOf)}
        onChange={(one) => { draft.container.value = one; }} />
      {takesOther && <OtherContainer label="Compared with" value={withId} none={WITHOUT_OTHER[id]} ids={resolvedContainers.value.ids} without={ofId}
        onChange={(one) => { draft.other.value = one; }} />}
      {chosen && chosen.parameters.length > 0 && <Settings chosen={chosen} draft={draft} open={changes} />}
      {draft.problem.value && <p class="problem" role="alert">{draft.problem.value}</p>}
      <div class="study-buttons">
        <button type="submit" class="primary">{changes ? "Apply" : "Add study"}</button>
        {onCancel && <button type="button" onClick={onCancel}>Cancel</button>}
      </div>
      {chosen && !changes && <p class="hint">{chosen.description}</p>}
    </form>
  );
}

/** A study that is changed may be of a panel or a container that is not chosen any more. */
function offered(value: string, all: string[], changes: boolean): string {
  return changes || all.includes(value) ? value : "";
}

function named(value: string, all: string[], nameFor: (name: string) => string): [string, string][] {
  return [...new Set(value === "" ? all : [...all, value])].map((one) => [one, nameFor(one)]);
}

function Settings({ chosen, draft, open }: { chosen: Study; draft: Draft; open: boolean }) {
  // Stays open while something is typed.
  const isTyped = chosen.parameters.some((parameter) => draft.typed.value[keyOfSetting(chosen, parameter)] !== undefined);
  return (
    <details class="study-settings" open={open || isTyped}>
      <summary>{chosen.parameters.length === 1 ? "1 parameter" : `${chosen.parameters.length} parameters`}</summary>
      {chosen.parameters.map((parameter) => {
        const key = keyOfSetting(chosen, parameter);
        return (
          <label key={key}>
            <span class="setting-name">{wordsOf(parameter.name)}</span>
            <input class="field" type="text" inputMode="decimal" value={draft.typed.value[key] ?? ""} placeholder={String(parameter.default)}
              onInput={(event) => {
                draft.typed.value = { ...draft.typed.value, [key]: event.currentTarget.value };
                draft.problem.value = null;
              }} />
            <span class="hint">{parameter.help}</span>
          </label>
        );
      })}
    </details>
  );
}
