// What of the page a shared file can show: all that needs no more than what is in it.
import type { EmbeddedSource } from "../data/embedded.ts";
import { source } from "../data/source.ts";
import type { Drawer } from "../state/layout.ts";

/** The begin of the question, and a part of it, that tells that a drawer's answers are there. */
const NEEDS: Partial<Record<Drawer, [string, string]>> = {
  processes: ["/api/processes?", "container="],
  compare: ["/api/timeseries?", "part=other"],
};
const NAMES: Partial<Record<Drawer, string>> = { processes: "processes", compare: "comparison" };

/** Whether a drawer has anything to show; with an agent every one has. */
export function isHeld(which: Drawer): boolean {
  const answers = source();
  const needs = NEEDS[which];
  return !answers.embedded || needs === undefined || (answers as EmbeddedSource).holds(...needs);
}

/** Says what a shared file lacks; null where it lacks nothing, or is none. */
export function lackSentence(): string | null {
  const lacks = (["processes", "compare"] as const).filter((which) => !isHeld(which)).map((which) => NAMES[which]);
  if (lacks.length === 0) return null;
  return `This is a saved view. It has no ${lacks.join(" and no ")}.`;
}

/** What was open beside the charts when the file was saved. */
export function savedDrawer(): Drawer | null {
  const answers = source();
  const which = answers.embedded ? (answers as EmbeddedSource).content.drawer : undefined;
  return isDrawer(which) && isHeld(which) ? which : null;
}

function isDrawer(which: string | undefined): which is Drawer {
  return which === "events" || which === "findings" || which === "processes" || which === "compare";
}
