// The chooser's metrics: sets for a click, a search over name and help, favourites first. A choice adds or removes a
// panel.
import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Metric } from "../data/types.ts";
import { fuzzyFilter } from "../lib/fuzzy.ts";
import { metricList, metricProblem, panels } from "../state/store.ts";
import { choosePanel, chooseSet } from "./choice.ts";
import { Select } from "./container-filters.tsx";
import { favourites, toggleFavourite } from "./favourites.ts";
import { Marked } from "./marked.tsx";
import { METRIC_SETS } from "./metric-sets.ts";
import { SearchField } from "./search-field.tsx";
import { VirtualList } from "./virtual-list.tsx";

const ROW_HEIGHT = 60;
const LIST_ID = "metrics-list";

const query = signal("");
const table = signal("");

export function MetricPicker() {
  const stars = favourites.value;
  const chosen = panels.value;
  const shown = useMemo(() => choices(metricList.value, query.value, table.value, stars),
    [metricList.value, query.value, table.value, stars]);
  const tables = useMemo(() => tablesOf(metricList.value), [metricList.value]);
  return (
    <div class="choose-part">
      <div class="metric-sets" role="group" aria-label="Sets of metrics">
        {METRIC_SETS.map((set) => (
          <button key={set.name} type="button" class="chip" title={set.metrics.join("\n")} onClick={() => chooseSet(set.metrics)}>
            {set.name}
          </button>
        ))}
      </div>
      <SearchField label="Search metrics" placeholder="Search metrics by name or meaning…" value={query.value} list={LIST_ID}
        onInput={(text) => { query.value = text; }} />
      <div class="filters">
        <Select label="Table" value={table.value} none="all tables" options={tables} onChange={(name) => { table.value = name; }} />
      </div>
      {metricProblem.value && <p class="problem" role="alert">{metricProblem.value}</p>}
      <VirtualList id={LIST_ID} label="Metrics; F makes one a favourite" count={shown.length} rowHeight={ROW_HEIGHT}
        empty={metricList.value.length === 0 ? "Asking for the metrics…" : "No metric matches; change the search or the table."}
        onChoose={(index) => choosePanel(shown[index]!.name)}
        onKey={(key, index) => key === "f" && (toggleFavourite(shown[index]!.name), true)}
        row={(index) => rowOf(shown[index]!, chosen, stars)} />
      <div class="choose-footer"><span role="status">{shown.length} metrics, {chosen.length} of 8 panels</span></div>
    </div>
  );
}

function rowOf(metric: Metric, chosen: readonly string[], stars: ReadonlySet<string>) {
  const isChosen = chosen.includes(metric.name);
  const star = stars.has(metric.name);
  const content = (
    <>
      <span class={`swatch ${isChosen ? "filled" : ""}`} aria-hidden="true" />
      <span class="row-texts">
        <span class="row-title"><Marked text={metric.name} query={query.peek()} /></span>
        <span class="row-rest">{metric.unit} · {metric.kind ?? "derived"}{star && <span class="unseen">, favourite</span>}</span>
        <span class="row-rest" title={metric.formula ?? metric.help}><Marked text={metric.help} query={query.peek()} /></span>
      </span>
      <span class={`star ${star ? "on" : ""}`} title="Favourite (F)" aria-hidden="true"
        onClick={(event) => { event.stopPropagation(); toggleFavourite(metric.name); }}>
        {star ? "★" : "☆"}
      </span>
    </>
  );
  return { content, chosen: isChosen, key: metric.name };
}

function choices(all: readonly Metric[], text: string, ofTable: string, stars: ReadonlySet<string>): Metric[] {
  const possible = all.filter((metric) => metric.kind !== "label" && (ofTable === "" || metric.table === ofTable));
  const rank = (metric: Metric) => rankOf(metric, stars);
  const ranked = possible.sort((a, b) => rank(a) - rank(b));
  return text.trim() === "" ? ranked : found(text, ranked);
}

/** What the name says comes before what only the help says. */
function found(text: string, ranked: Metric[]): Metric[] {
  const byName = new Set(fuzzyFilter(text, ranked, (metric) => [metric.name, metric.alias ?? ""]));
  const rest = ranked.filter((metric) => !byName.has(metric));
  return [...byName, ...fuzzyFilter(text, rest, (metric) => [metric.name, metric.help])];
}

/** Favourites, then what the sets have, then what is computed, then columns as they were read. */
function rankOf(metric: Metric, stars: ReadonlySet<string>): number {
  if (stars.has(metric.name)) return 0;
  if (IN_SETS.has(metric.name)) return 1;
  return (metric.table === "containers" ? 2 : 4) + (metric.kind === undefined || metric.kind === "gauge" ? 0 : 1);
}

const IN_SETS = new Set(METRIC_SETS.flatMap((set) => set.metrics));

function tablesOf(all: readonly Metric[]): [string, string][] {
  return [...new Set(all.map((metric) => metric.table))].map((name) => [name, name]);
}
