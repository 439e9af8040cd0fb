// A panel's numbers to take along: its metric alone, or the whole table that it is in. What is recorded, the agent writes;
// what is computed from it, which the agent exports in no file, the browser does, up to a bound.
import { signal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { exportAddress } from "../data/api.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import type { Metric } from "../data/types.ts";
import { Download } from "../share/download.tsx";
import { metricCsv, rowsExpected, tooMany } from "../share/metric-csv.ts";
import { saveFile } from "../share/save-file.ts";
import { intervalMs, isOfNode, metricByName, nameOf, nowMs, recordedFromMs, resolvedContainers, visibleRange } from "../state/store.ts";

const FORMATS = [["csv", "CSV"], ["parquet", "Parquet"]] as const;

/** The tables that can be taken along, with the columns that say whose a row is. */
const KEYS: Record<string, string[]> = {
  containers: ["namespace", "pod", "container", "container_id"],
  pods: ["namespace", "pod", "pod_uid"],
  processes: ["namespace", "pod", "container", "container_id", "comm", "pid", "start_ticks"],
  network: ["namespace", "pod", "pod_uid", "container_id", "netns", "interface"],
  io_devices: ["namespace", "pod", "container", "container_id", "device"],
  node: [],
  disks: ["device"],
};

export function Exports({ metric }: { metric: string }) {
  const known = metricByName.value.get(metric);
  const table = known?.table ?? "";
  if (!known || !Object.hasOwn(KEYS, table)) return null;
  const ids = isOfNode(metric) ? null : resolvedContainers.value.ids;
  if (ids?.length === 0) return null;
  const { from, to } = visibleRange.value;
  const address = (format: string, columns?: string[]) =>
    exportAddress({ table, format, columns: columns?.join(","), container: ids?.join(","), from: Math.floor(from), to: Math.ceil(to) });
  const alone = ["time", ...KEYS[table]!, columnOf(known)];
  const who = ids === null ? "the node" : `${ids.slice(0, 3).map(nameOf).join(", ")}${ids.length > 3 ? ` and ${ids.length - 3} more` : ""}`;
  const isRecorded = known.formula === undefined;
  return (
    <>
      {!isRecorded && <ComputedCsv metric={metric} ids={ids} who={who} />}
      {isRecorded && FORMATS.map(([format, title]) => (
        <Download key={format} address={address(format, alone)} name={`${metric}.${format}`} title={`${metric} of ${who}, every reading`}
          text={`This metric as ${title}`} />
      ))}
      {FORMATS.map(([format, title]) => (
        <Download key={format} address={address(format)} name={`${table}.${format}`} title={`All columns of ${table} of ${who}`}
          text={`Whole table “${table}” as ${title}`} />
      ))}
    </>
  );
}

/** A column's name on disk: without the table in front. */
function columnOf({ name, table }: Metric): string {
  return name.startsWith(`${table}.`) ? name.slice(table.length + 1) : name;
}

function ComputedCsv({ metric, ids, who }: { metric: string; ids: string[] | null; who: string }) {
  const made = useMemo(() => signal<{ text: string; isProblem: boolean } | null>(null), [metric]);
  const making = useRef<AbortController | null>(null);
  useEffect(() => () => making.current?.abort(), [metric]);
  const end = (text: string | null) => {
    making.current = null;
    made.value = text === null ? null : { text, isProblem: true };
  };
  const make = async () => {
    const { from, to } = visibleRange.peek();
    const range = { from: Math.max(Math.floor(from), recordedFromMs.peek()), to: Math.min(Math.ceil(to), nowMs.peek() + 1) };
    const refused = tooMany(rowsExpected({ metric, ids, range }, intervalMs.peek()));
    if (refused !== null) return end(refused);
    const giveUp = new AbortController();
    making.current = giveUp;
    const count = ids?.length ?? 1;
    try {
      const parts = await metricCsv({ metric, ids, range }, (done) => {
        made.value = { text: `Asked for ${done} of ${count} …`, isProblem: false };
      }, giveUp.signal);
      if (typeof parts === "string") return end(parts);
      saveFile(new Blob(parts, { type: "text/csv" }), `${metric}.csv`);
      end(null);
    } catch (thrown) {
      end(isAbort(thrown) ? null : sentenceOf(thrown));
    }
  };
  const isMaking = made.value !== null && !made.value.isProblem;
  return (
    <>
      <button type="button" title={`${metric} of ${who}, every reading`} onClick={() => (isMaking ? making.current?.abort() : void make())}>
        {isMaking ? "Stop making the CSV" : "This metric as CSV"}
      </button>
      {made.value !== null && <p class={made.value.isProblem ? "problem drop-note" : "hint drop-note"} role={made.value.isProblem ? "alert" : "status"}>{made.value.text}</p>}
    </>
  );
}
