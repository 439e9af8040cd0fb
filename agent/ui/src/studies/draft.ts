// A study that is being put together in a form: a new one, or one of the view that is to be changed.
import { signal } from "@preact/signals";
import type { Study } from "../data/types.ts";
import { findContainer } from "../state/store.ts";
import type { ChosenStudy } from "../state/store.ts";
import { keyOfSetting } from "./settings.ts";
import type { Typed } from "./settings.ts";

export type Draft = ReturnType<typeof newDraft>;

export function newDraft() {
  return {
    study: signal("changepoint"), panel: signal(""), container: signal(""), other: signal(""), typed: signal<Typed>({}),
    problem: signal<string | null>(null),
  };
}

/** What a study of the view was made with. */
export function draftOf(chosen: ChosenStudy, known: Study | undefined): Draft {
  const draft = newDraft();
  draft.study.value = chosen.study;
  draft.panel.value = chosen.panel ?? "";
  draft.container.value = chosen.container ?? "";
  draft.other.value = chosen.with ?? "";
  draft.typed.value = known ? typedOf(known, chosen.set ?? []) : {};
  return draft;
}

/** A container by its whole id. One that is not known stays as it is in a study that is changed, and is none in a new one. */
export function wholeId(id: string, changes: boolean): string {
  return findContainer(id)?.id ?? (changes ? id : "");
}

/** The container that it is compared with; empty for none, which its own is as well. */
export function otherOf(draft: Draft, ofId: string, changes: boolean): string {
  const id = wholeId(draft.other.value, changes);
  return id === ofId ? "" : id;
}

/** The texts of the fields; what is not set has its default and an empty field. */
export function typedOf(study: Study, set: string[]): Typed {
  const values = new Map(set.map((one) => one.split(":") as [string, string]));
  return Object.fromEntries(study.parameters.flatMap((parameter) => {
    const value = values.get(parameter.name);
    return value === undefined ? [] : [[keyOfSetting(study, parameter), value]];
  }));
}
