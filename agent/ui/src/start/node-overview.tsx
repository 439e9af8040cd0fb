// The node at a glance: CPU, memory, pressure and tasks of the last minutes. A tile opens its metric as a panel.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import * as api from "../data/api.ts";
import type { Series } from "../data/types.ts";
import { formatValue } from "../lib/units.ts";
import { useAsked } from "../lib/use-asked.ts";
import { setPanels } from "../state/store.ts";
import { nodeRange } from "./now-range.ts";
import { SparkLine } from "./spark-line.tsx";

interface Tile {
  title: string;
  metric: string;
  /** What the value is part of, to be named beside it. */
  of?: string;
  /** The top of the small line; its own largest value otherwise. */
  most?: number;
  opens: string[];
}

const TILES: Tile[] = [
  { title: "CPU", metric: "node.cpu_usage_cores", of: "node.cpus", opens: ["node.cpu_usage_cores", "node.cpu_usage_percent"] },
  { title: "Memory", metric: "node.memory_used_bytes", of: "node.memory_total_bytes",
    opens: ["node.memory_used_bytes", "node.memory_available_bytes"] },
  { title: "Waiting for CPU", metric: "node.cpu_pressure_some_percent", most: 100, opens: ["node.cpu_pressure_some_percent"] },
  { title: "Waiting for memory", metric: "node.memory_pressure_some_percent", most: 100,
    opens: ["node.memory_pressure_some_percent", "node.memory_pressure_full_percent"] },
  { title: "Waiting for disks", metric: "node.io_pressure_some_percent", most: 100,
    opens: ["node.io_pressure_some_percent", "node.io_pressure_full_percent"] },
  { title: "Load, 1 minute", metric: "node.load_1m_milli", opens: ["node.load_1m_milli", "node.tasks_running"] },
];
/** The node that was recorded; of a recording from elsewhere it is not the one that shows it. */
export const recordedNode = signal<string | null>(null);

const POINTS = 120;
const ALL_PANELS = TILES.flatMap((tile) => tile.opens.slice(0, 1));

export function NodeOverview() {
  const range = nodeRange.value;
  const metric = [...new Set(TILES.flatMap(({ metric: name, of }) => (of ? [name, of] : [name])))];
  const { reply, problem } = useAsked(String(range?.to), range && ((signal) =>
    api.timeseries({ metric, points: POINTS }, range, signal)));
  const node = reply?.series.find((series) => series.node !== undefined)?.node;
  useEffect(() => {
    if (node !== undefined) recordedNode.value = node;
  }, [node]);
  const byMetric = new Map(reply?.series.map((series) => [series.metric, series]));
  return (
    <section aria-labelledby="node-title">
      <div class="start-head">
        <h2 id="node-title">Node, last 15 minutes</h2>
        <button type="button" class="quiet" onClick={() => setPanels(ALL_PANELS)}>Open as charts</button>
      </div>
      {problem && <p class="problem" role="alert">{problem}</p>}
      <div class="tiles">
        {TILES.map((tile) => <NodeTile key={tile.metric} tile={tile} series={byMetric.get(tile.metric)}
          whole={tile.of ? byMetric.get(tile.of) : undefined} known={reply !== null} />)}
      </div>
    </section>
  );
}

interface NodeTileProps {
  tile: Tile;
  series: Series | undefined;
  whole: Series | undefined;
  known: boolean;
}

function NodeTile({ tile, series, whole, known }: NodeTileProps) {
  const values = valuesOf(series);
  const last = lastOf(values);
  const total = lastOf(valuesOf(whole));
  const unit = series?.unit ?? "";
  const text = series ? formatValue(last, unit) : known ? "not recorded" : "…";
  return (
    <button type="button" class="tile" onClick={() => setPanels(tile.opens)}>
      <span class="tile-title">{tile.title}</span>
      <span class="tile-value">{text}{total !== null && <>{" "}<small>of {formatValue(total, unit === "bytes" ? unit : "count")}</small></>}</span>
      <SparkLine values={values} most={tile.most ?? (unit === "bytes" ? (total ?? undefined) : undefined)} />
    </button>
  );
}

function valuesOf(series: Series | undefined): (number | null)[] {
  return series?.v ?? series?.mean ?? [];
}

function lastOf(values: (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}
