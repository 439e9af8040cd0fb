// The dashboards that there are, as links: shipped ones and those that are kept in this browser.
import { parseDashboard } from "../lib/dashboard.ts";
import { open, textOf } from "./open.ts";
import { ownDashboards } from "./own.ts";
import { SHIPPED } from "./shipped.ts";

export function DashboardLinks() {
  return (
    <nav class="dashboard-links" aria-label="Dashboards">
      <span class="hint">Dashboards:</span>
      {[...new Set([...ownDashboards.value.keys(), ...SHIPPED.keys()])].map((name) => (
        <button key={name} type="button" class="chip" title={describe(name).description} onClick={() => openNamed(name)}>
          {describe(name).title}
        </button>
      ))}
    </nav>
  );
}

export function openNamed(name: string): void {
  const text = textOf(name);
  if (text !== undefined) open(text, {});
}

export function describe(name: string): { title: string; description: string } {
  const read = parseDashboard(textOf(name) ?? "");
  if ("problem" in read) return { title: name, description: read.problem };
  return { title: SHIPPED.has(name) ? read.dashboard.name : name, description: read.dashboard.description };
}
