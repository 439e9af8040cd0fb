// The processes of a container at the cursor's time, or at the end of what is seen: who used CPU and memory just then.
import { effect, signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import "./processes.css";
import { Select } from "../choose/container-filters.tsx";
import * as api from "../data/api.ts";
import type { Process } from "../data/types.ts";
import { isCompared } from "../compare/comparison.ts";
import { formatMoment } from "../lib/time.ts";
import { formatValue } from "../lib/units.ts";
import { useAsked } from "../lib/use-asked.ts";
import { isHeld } from "../share/held.ts";
import { drawer, nameOf, resolvedContainers } from "../state/store.ts";
import { asksProcesses, keepMoment, momentKnown, momentMs } from "./moment.ts";

interface Column {
  key: string;
  title: string;
  unit: string | null;
  help: string;
}

const COLUMNS: Column[] = [
  { key: "comm", title: "Command", unit: null, help: "name, process id on the node, and command line" },
  { key: "cpu_usage_cores", title: "CPU", unit: "cores", help: "cores used since the reading before" },
  { key: "rss_bytes", title: "RSS", unit: "bytes", help: "resident memory" },
  { key: "pss_bytes", title: "PSS", unit: "bytes", help: "resident memory, shared pages divided among those that share them" },
  { key: "threads", title: "Thr.", unit: "count", help: "threads" },
  { key: "open_descriptors", title: "FDs", unit: "count", help: "open file descriptors" },
];

const wanted = signal("");
const sorting = signal({ key: "cpu_usage_cores", down: true });

/** Opens with a link that shows processes; a comparison goes before. */
effect(() => {
  if (asksProcesses.value && !isCompared() && drawer.peek() === null && isHeld("processes")) drawer.value = "processes";
});

export function ProcessTable() {
  useEffect(keepMoment, []);
  const ids = resolvedContainers.value.ids;
  const id = ids.includes(wanted.value) ? wanted.value : ids[0];
  const atMs = momentMs.value;
  const { reply, problem, loading } = useAsked(`${id} ${atMs}`, id === undefined || !momentKnown.value ? null : (signal) => api.processes(id, atMs, signal));
  const { key, down } = sorting.value;
  const rows = useMemo(() => sorted(reply?.processes ?? [], key, down), [reply, key, down]);
  if (id === undefined) return <section class="drawer-part"><h2>Processes</h2><p class="hint">Choose a container to see its processes.</p></section>;
  return (
    <section class="drawer-part processes" aria-label="Processes" aria-busy={loading}>
      <h2>Processes</h2>
      <Select label="Container" value={id} options={ids.map((one) => [one, nameOf(one)])} onChange={(one) => { wanted.value = one; }} />
      <p class="hint" role="status">{reply?.time ? `read ${formatMoment(Date.parse(reply.time))}` : `at ${formatMoment(atMs)}`}</p>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {!problem && reply && rows.length === 0 && <p class="hint">No processes were read near that time.</p>}
      {rows.length > 0 && <Table rows={rows} />}
    </section>
  );
}

function Table({ rows }: { rows: Process[] }) {
  const { key, down } = sorting.value;
  return (
    <div class="table-scroll" role="region" aria-label="Table of processes" tabIndex={0}>
      <table class="process-table">
        <thead>
          <tr>
            {COLUMNS.map((column) => (
              <th key={column.key} scope="col" class={column.unit ? "number" : ""} title={column.help}
                aria-sort={column.key !== key ? undefined : down ? "descending" : "ascending"}>
                <button type="button" onClick={() => sortBy(column.key)}>
                  {column.title}<span aria-hidden="true">{column.key === key ? (down ? " ▾" : " ▴") : ""}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{rows.map((row) => <Row key={row.pid} row={row} />)}</tbody>
      </table>
    </div>
  );
}

function Row({ row }: { row: Process }) {
  return (
    <tr>
      {COLUMNS.map(({ key, unit }) => {
        if (key === "comm") return <td key={key} class="command" title={row.cmdline}>{row.comm}<small>{row.pid} {row.cmdline}</small></td>;
        const value = row[key];
        const text = unit === null ? String(value) : formatValue(typeof value === "number" ? value : null, unit);
        return <td key={key} class="number">{unit === "cores" ? text.replace(/\u00a0cores$/, "") : text}</td>;
      })}
    </tr>
  );
}

function sortBy(key: string): void {
  const before = sorting.peek();
  sorting.value = { key, down: before.key === key ? !before.down : key !== "comm" };
}

function sorted(rows: Process[], key: string, down: boolean): Process[] {
  const sign = down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [one, other] = [a[key], b[key]];
    if (typeof one === "string" && typeof other === "string") return sign * one.localeCompare(other);
    return sign * (Number(one ?? -1) - Number(other ?? -1));
  });
}
