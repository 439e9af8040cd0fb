// What is open on the right of the charts.
import { Compare } from "../compare/compare.tsx";
import { ProcessTable } from "../processes/process-table.tsx";
import { Findings } from "../studies/findings.tsx";
import { drawer } from "../state/store.ts";
import { EventsList } from "./events-list.tsx";

export function DrawerPane() {
  const which = drawer.value;
  if (which === null) return null;
  return (
    <aside class="drawer" aria-label="Beside the charts">
      <button type="button" class="icon drawer-close" aria-label="Close" onClick={() => (drawer.value = null)}>✕</button>
      {which === "events" && <EventsList />}
      {which === "findings" && <Findings />}
      {which === "processes" && <ProcessTable />}
      {which === "compare" && <Compare />}
    </aside>
  );
}
