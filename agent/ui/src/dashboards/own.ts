// The reader's own dashboards, kept in the browser by name, as the JSON that they would be in a file.
import { signal } from "@preact/signals";

const KEPT_AS = "fgm.dashboards";
const MOST = 50;

export const ownDashboards = signal<ReadonlyMap<string, string>>(readKept());

/** A sentence where it cannot be kept. */
export function saveOwn(name: string, text: string): string | null {
  const next = new Map(ownDashboards.peek());
  next.set(name, text);
  if (next.size > MOST) return `There are ${MOST} dashboards in this browser already; remove one to save another.`;
  return keep(next);
}

export function removeOwn(name: string): void {
  const next = new Map(ownDashboards.peek());
  next.delete(name);
  keep(next);
}

function keep(next: Map<string, string>): string | null {
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify(Object.fromEntries(next)));
  } catch {
    return "This browser does not let the page keep dashboards; save it as a file instead.";
  }
  ownDashboards.value = next;
  return null;
}

function readKept(): Map<string, string> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT_AS) ?? "{}");
    if (typeof kept !== "object" || kept === null) return new Map();
    return new Map(Object.entries(kept).filter((pair): pair is [string, string] => typeof pair[1] === "string"));
  } catch {
    return new Map();
  }
}
