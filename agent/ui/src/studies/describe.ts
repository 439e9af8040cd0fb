// A chosen study in words: what it is called and what it looks at.
import type { Study } from "../data/types.ts";
import { nameOf } from "../state/store.ts";
import type { ChosenStudy } from "../state/store.ts";

export function describeStudied(chosen: ChosenStudy, known: readonly Study[]): { name: string; place: string } {
  const study = known.find(({ id }) => id === chosen.study);
  const parts = [chosen.panel, chosen.container === undefined ? undefined : nameOf(chosen.container)].filter(Boolean);
  return { name: study?.name ?? chosen.study, place: parts.join(" · ") || "everything shown" };
}
