// A dashboard as the view that it means now: which of the containers, from when to when. Does not know where a
// dashboard comes from.
import type { Dashboard } from "./dashboard.ts";
import { emptyView, MOST_CONTAINERS, type View } from "./link.ts";
import { isChosen, type Named } from "./selector.ts";
import { toRfc3339 } from "./time.ts";

export interface SeenContainer extends Named {
  id: string;
  first_seen: string;
  last_seen: string;
  alive: boolean;
}

const DEFAULT_MOST = 20;

export function viewOf(dashboard: Dashboard, all: readonly SeenContainer[], nowMs: number): { view: View; notes: string[] } {
  const notes: string[] = [];
  const chosen = choose(dashboard, all, notes);
  const view = emptyView();
  view.panels = [...new Set(dashboard.panels.map((panel) => panel.metric))];
  view.containers = chosen.map((container) => container.id);
  view.studies = [...new Set(dashboard.panels.flatMap(({ study, metric }) => (study ? [`${study}:${metric}`] : [])))];
  setTime(view, dashboard, chosen, nowMs);
  return { view, notes };
}

function choose(dashboard: Dashboard, all: readonly SeenContainer[], notes: string[]): SeenContainer[] {
  const found = all.filter((container) => isChosen(container, dashboard.containers));
  if (found.length === 0) notes.push("No container matches the dashboard; choose some on the left.");
  const most = Math.min(dashboard.containers.most ?? DEFAULT_MOST, MOST_CONTAINERS);
  if (found.length <= most) return found;
  notes.push(`The dashboard matches ${found.length} containers; the ${most} that were seen last are shown.`);
  return found.sort((a, b) => Date.parse(b.last_seen) - Date.parse(a.last_seen)).slice(0, most);
}

function setTime(view: View, dashboard: Dashboard, chosen: SeenContainer[], nowMs: number): void {
  const time = dashboard.time_range;
  if (time.mode === "range") view.range = time.range;
  else if (time.mode === "fixed") [view.from, view.to] = [time.from, time.to];
  else if (chosen.length === 0) view.range = "all";
  else {
    const paddingMs = time.padding_seconds * 1000;
    const begin = Math.min(...chosen.map((container) => Date.parse(container.first_seen)));
    const end = Math.max(...chosen.map((container) => (container.alive ? nowMs : Date.parse(container.last_seen))));
    view.from = toRfc3339(begin - paddingMs);
    view.to = toRfc3339(end + paddingMs);
  }
}
