// The lines of a panel by name, with their values at the cursor, the largest first. Pointing at a line brings it to the
// front, a click shows it alone, the box beside it hides it.
import type { ReadonlySignal, Signal } from "@preact/signals";
import { formatMoment } from "../lib/time.ts";
import { formatValue } from "../lib/units.ts";
import { intervalMs } from "../state/store.ts";
import { lineColour } from "./colours.ts";
import { valueAt } from "./lines.ts";
import type { Line } from "./lines.ts";
import { readTime } from "./read-time.ts";

/** A reading stands for so many intervals around it. */
const REACH_INTERVALS = 2.5;
const MOST_ROWS = 60;

interface LegendProps {
  lines: ReadonlySignal<Line[]>;
  hidden: Signal<ReadonlySet<string>>;
  focus: Signal<string | null>;
  /** The line next to the pointer. */
  nearest: ReadonlySignal<string | null>;
  unit: string;
}

interface Row {
  line: Line;
  value: number | null;
  low: number | null;
  high: number | null;
}

export function Legend({ lines, hidden, focus, nearest, unit }: LegendProps) {
  const rows = rowsOf(lines.value, readTime.value.ms, readTime.value.atEnd);
  const shown = rows.slice(0, MOST_ROWS);
  return (
    <ul class="legend" aria-label="Lines, by value" onMouseLeave={() => (focus.value = null)}>
      {shown.length > 0 && <li class="legend-time">{readTime.value.atEnd ? "at the end" : formatMoment(readTime.value.ms)}</li>}
      {shown.map((row) => <LegendRow key={row.line.key} row={row} all={lines.value} hidden={hidden} focus={focus} nearest={nearest} unit={unit} />)}
      {rows.length > MOST_ROWS && <li class="legend-more">and {rows.length - MOST_ROWS} smaller ones</li>}
    </ul>
  );
}

function LegendRow({ row, all, hidden, focus, nearest, unit }: { row: Row; all: Line[] } & Omit<LegendProps, "lines">) {
  const { line } = row;
  const isHidden = hidden.value.has(line.key);
  const range = row.low !== null && row.high !== null && row.low !== row.high
    ? `from ${formatValue(row.low, unit)} to ${formatValue(row.high, unit)}` : "";
  return (
    <li class={`legend-row${isHidden ? " is-hidden" : ""}${nearest.value === line.key ? " is-nearest" : ""}`} onMouseEnter={() => (focus.value = line.key)}>
      <button
        type="button"
        class="legend-swatch"
        style={{ backgroundColor: isHidden ? "transparent" : lineColour(line.owner), borderColor: lineColour(line.owner) }}
        aria-pressed={!isHidden}
        aria-label={`${isHidden ? "Show" : "Hide"} ${line.name}`}
        title={isHidden ? "Show this line" : "Hide this line"}
        onClick={() => (hidden.value = toggled(hidden.value, line.key))}
      />
      <button
        type="button"
        class="legend-name"
        title={`${line.name}${range ? `: ${range}` : ""}\nClick to show it alone`}
        onFocus={() => (focus.value = line.key)}
        onBlur={() => (focus.value = null)}
        onClick={() => (hidden.value = isolated(hidden.value, line.key, all))}
      >
        <span class="legend-text">{line.name}</span>
        <span class="legend-value">{formatValue(row.value, unit)}</span>
      </button>
    </li>
  );
}

function rowsOf(lines: Line[], ms: number, atEnd: boolean): Row[] {
  const rows = lines.map((line) => {
    const reachMs = REACH_INTERVALS * intervalMs.value * (atEnd ? 4 : 1);
    const at = atEnd ? Math.min(ms, line.t[line.t.length - 1] ?? ms) : ms;
    const found = valueAt(line, at, reachMs);
    return { line, value: found?.value ?? null, low: found?.low ?? null, high: found?.high ?? null };
  });
  return rows.sort((one, other) => (other.value ?? Number.NEGATIVE_INFINITY) - (one.value ?? Number.NEGATIVE_INFINITY)
    || (one.line.name < other.line.name ? -1 : 1));
}

function toggled(hidden: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(hidden);
  if (!next.delete(key)) next.add(key);
  return next;
}

function isolated(hidden: ReadonlySet<string>, key: string, all: Line[]): ReadonlySet<string> {
  const others = all.filter((line) => line.key !== key).map((line) => line.key);
  const alone = !hidden.has(key) && others.every((other) => hidden.has(other));
  return alone ? new Set() : new Set(others);
}
