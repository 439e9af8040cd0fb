// What is typed into the fields of a study's parameters. Only what differs from a default gets into the link.
import type { Study, StudyParameter } from "../data/types.ts";

/** By study and name, so that a change of the study and back loses nothing. */
export type Typed = Readonly<Record<string, string>>;

export function keyOfSetting(study: Study, parameter: StudyParameter): string {
  return `${study.id}.${parameter.name}`;
}

/** NAME:NUMBER each, or a sentence about the first that cannot be. */
export function settingsOf(study: Study, typed: Typed): string[] | string {
  const set: string[] = [];
  for (const parameter of study.parameters) {
    const text = (typed[keyOfSetting(study, parameter)] ?? "").trim();
    if (text === "") continue;
    const value = Number(text);
    const { name, min, max } = parameter;
    if (Number.isNaN(value) || value < min || value > max) return `${wordsOf(name)} is a number from ${min} to ${max}.`;
    if (value !== parameter.default) set.push(`${name}:${value}`);
  }
  return set;
}

/** A parameter's name as a heading. */
export function wordsOf(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
