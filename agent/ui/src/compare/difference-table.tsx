// The difference of two series in figures: mean, p50, p95, p99 and max of both, what changed, and by how many percent.
import { differences, type Difference } from "../lib/difference.ts";
import { formatValue } from "../lib/units.ts";
import { Swatch } from "../choose/container-row.tsx";
import type { OverlaySide } from "./overlay-chart.tsx";

export function DifferenceTable({ one, other, unit }: { one: OverlaySide; other: OverlaySide; unit: string }) {
  const rows = differences(other.series, one.series);
  return (
    <div class="table-scroll" role="region" aria-label="Difference in figures" tabIndex={0}>
      <table class="process-table difference-table">
        <thead>
          <tr>
            <th scope="col"><span class="unseen">figure</span></th>
            <SideHead side={other} />
            <SideHead side={one} />
            <th scope="col" class="number">difference</th>
          </tr>
        </thead>
        <tbody>{rows.map((row) => <Row key={row.name} row={row} unit={unit} />)}</tbody>
      </table>
    </div>
  );
}

function SideHead({ side }: { side: OverlaySide }) {
  return <th scope="col" class="number side-head" title={side.title}><Swatch slot={side.slot} /> {side.title}</th>;
}

function Row({ row: { name, one, other, change, percent }, unit }: { row: Difference; unit: string }) {
  return (
    <tr>
      <th scope="row">{name}</th>
      <td class="number">{formatValue(one, unit)}</td>
      <td class="number">{formatValue(other, unit)}</td>
      <td class="number">{signed(change, (value) => formatValue(value, unit))}
        {percent !== null && <small>{signed(percent, (value) => formatValue(value, "percent"))}</small>}
      </td>
    </tr>
  );
}

function signed(value: number | null, format: (value: number) => string): string {
  if (value === null) return "–";
  if (value === 0) return "0";
  return `${value > 0 ? "+" : "−"}${format(Math.abs(value))}`;
}
