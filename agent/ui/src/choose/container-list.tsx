// The chooser's containers: a search field, filters, and the list. Chosen ones have the colour that they have in charts.
import { signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { assignColours } from "../lib/palette.ts";
import {
  containerList, containerProblem, containersKnown, containerTotal, nowMs, records, resolvedContainers, setContainers,
} from "../state/store.ts";
import { arrange, NOTHING_ASKED, type Arrangement, type Row } from "./arrange.ts";
import { chooseContainer, chooseGroup } from "./choice.ts";
import { ContainerFilters } from "./container-filters.tsx";
import { ContainerRow } from "./container-row.tsx";
import { isGone } from "./gone.ts";
import { SearchField } from "./search-field.tsx";
import { followTop, topValues } from "./top-values.ts";
import { VirtualList } from "./virtual-list.tsx";

const ROW_HEIGHT = 46;
const COARSE_MS = 15_000;
const LIST_ID = "containers-list";

const asked = signal<Arrangement>(NOTHING_ASKED);
const filtersOpen = signal(false);

function change(part: Partial<Arrangement>): void {
  asked.value = { ...asked.peek(), ...part };
}

export function ContainerList() {
  const all = containerList.value;
  const chosen = resolvedContainers.value.ids;
  const top = topValues.value;
  // Only as often as the list is asked for anew: a second more changes nothing in it.
  const endMs = Math.floor(nowMs.value / COARSE_MS) * COARSE_MS;
  const recordsNow = records.value;
  const what = asked.value;
  const slots = useMemo(() => assignColours(chosen), [chosen]);
  const rows = useMemo(() => arrange(all, what, {
    isGone: (container) => isGone(container, recordsNow, endMs),
    isChosen: (id) => slots.has(id),
    valueOf: (id) => top.byContainer.get(id),
  }), [all, what, top, recordsNow, endMs, slots]);
  useEffect(() => followTop(what.sort), [what.sort]);
  return (
    <div class="choose-part">
      <SearchField label="Search containers" placeholder="Search pod, workload, image, id, label…" value={what.query}
        list={LIST_ID} onInput={(query) => change({ query })} />
      <details class="more-filters" open={filtersOpen.value} onToggle={(event) => { filtersOpen.value = event.currentTarget.open; }}>
        <summary>{filterText(what)}</summary>
        <ContainerFilters all={all} asked={what} change={change} />
      </details>
      {(containerProblem.value ?? top.problem) && <p class="problem" role="alert">{containerProblem.value ?? top.problem}</p>}
      <VirtualList id={LIST_ID} label="Containers" count={rows.length} rowHeight={ROW_HEIGHT} empty={emptyText(all.length)}
        onChoose={(index) => chooseRow(rows[index])} row={(index) => rowOf(rows[index]!, slots, endMs)} />
      <Footer shown={rows.filter((row) => row.kind === "container").length} chosen={chosen} />
    </div>
  );
}

function rowOf(row: Row, slots: Map<string, number>, endMs: number) {
  if (row.kind === "group") {
    const chosen = row.ids.every((id) => slots.has(id));
    const content = <><span class="group-name">{row.name}</span><span class="row-side">{row.ids.length}</span></>;
    return { content, chosen, class: "group", key: `group ${row.name}` };
  }
  const { container } = row;
  const gone = isGone(container, records.peek(), endMs);
  const { unit, byContainer } = topValues.peek();
  const content = (
    <ContainerRow container={container} slot={slots.get(container.id)} gone={gone} query={asked.peek().query}
      value={byContainer.get(container.id)} unit={unit} nowMs={endMs} />
  );
  return { content, chosen: slots.has(container.id), class: gone ? "gone" : "", key: container.id };
}

function Footer({ shown, chosen }: { shown: number; chosen: string[] }) {
  const onlyChosen = asked.value.state === "chosen";
  return (
    <div class="choose-footer">
      <span role="status">{shown} of {containerTotal.value}</span>
      {chosen.length > 0 && (
        <span>
          <button type="button" class="quiet" aria-pressed={onlyChosen} onClick={() => change({ state: onlyChosen ? "all" : "chosen" })}>
            {chosen.length} chosen
          </button>
          <button type="button" class="quiet" onClick={() => setContainers([])}>Choose none</button>
        </span>
      )}
    </div>
  );
}

function chooseRow(row: Row | undefined): void {
  if (row?.kind === "group") chooseGroup(row.ids);
  else if (row) chooseContainer(row.container.id);
}

function filterText({ namespace, qos, labels, state, group, sort }: Arrangement): string {
  const parts = [namespace, qos, labels, state === "all" ? "" : state, group === "none" ? "" : `by ${group}`,
    sort === "newest" ? "" : sort].filter((part) => part !== "");
  return parts.length === 0 ? "Filter, group, sort" : parts.join(" · ");
}

function emptyText(count: number): string {
  if (!containersKnown.value) return "Asking for the containers…";
  return count === 0 ? "No container is recorded yet." : "No container matches; change the search or the filters.";
}
