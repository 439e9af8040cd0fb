// A chosen study in words: what it is called, what it looks at and what is set of it.
import type { Study } from "../data/types.ts";
import { nameOf } from "../state/store.ts";
import type { ChosenStudy } from "../state/store.ts";

export function describeStudied(chosen: ChosenStudy, known: readonly Study[]): { name: string; place: string } {
  const study = known.find(({ id }) => id === chosen.study);
  const where = [chosen.panel, chosen.container === undefined ? undefined : nameOf(chosen.container)].filter(Boolean);
  const set = (chosen.set ?? []).map((one) => one.replace(":", " ").replaceAll("_", " "));
  if (chosen.with !== undefined) set.unshift(`with ${nameOf(chosen.with)}`);
  return { name: study?.name ?? chosen.study, place: [where.join(" · ") || "everything shown", ...set].join(" · ") };
}
