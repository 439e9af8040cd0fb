// A comparison: a container or the node now and before, or two containers, overlaid from their starts on, with the difference in
// figures and the agent's judgement.
import { effect } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import "../processes/processes.css";
import "./compare.css";
import { source } from "../data/source.ts";
import { assignColours } from "../lib/palette.ts";
import { formatDuration, formatMoment, withLocalTimes } from "../lib/time.ts";
import { formatValue } from "../lib/units.ts";
import { useAsked } from "../lib/use-asked.ts";
import { drawer, follows, nameOf, resolvedContainers, visibleRange } from "../state/store.ts";
import type { Range } from "../data/api.ts";
import { Select } from "../choose/container-filters.tsx";
import { isHeld } from "../share/held.ts";
import { Swatch } from "../choose/container-row.tsx";
import { pairOf, type Pair } from "./asked-pair.ts";
import {
  ask, askedContainer, askedMetric, askedOther, askedSubject, endComparison, firstSeen, isCompared, setSubject, sidesOf, subjectsOf,
} from "./comparison.ts";
import { CompareForm } from "./compare-form.tsx";
import { DifferenceTable } from "./difference-table.tsx";
import { OverlayChart, type CursorValues, type OverlaySide } from "./overlay-chart.tsx";

const LIVE_STEP_MS = 30_000;

export function Compare() {
  useEffect(() => endComparison, []);
  const metric = askedMetric();
  const container = askedContainer(metric);
  if (metric === undefined || container === undefined) {
    return <section class="drawer-part"><h2>Compare</h2><p class="hint">Choose a metric of the node, or a metric and a container, or two, to compare.</p></section>;
  }
  return <Comparison metric={metric} container={container} />;
}

/** Opens with a link that compares something. */
effect(() => {
  if (isCompared() && drawer.peek() === null && isHeld("compare")) drawer.value = "compare";
});

function Comparison({ metric, container }: { metric: string; container: string | null }) {
  const range = steadyRange(visibleRange.value, follows.value);
  const other = askedOther();
  const pair = pairOf(container, range, other, firstSeen);
  const { reply, problem, loading } = useAsked(JSON.stringify([metric, pair]), (signal) => ask(metric, pair, signal));
  const subjects = reply ? subjectsOf(reply) : [];
  const named = askedSubject();
  const subject = named !== undefined && subjects.includes(named) ? named : subjects[0];
  const found = reply ? sidesOf(reply, subject) : null;
  const [one, before] = titled(pair, found?.one, found?.other);
  const unit = found?.one?.unit ?? found?.other?.unit ?? "";
  return (
    <section class="drawer-part compare" aria-label="Comparison" aria-busy={loading}>
      <h2>Compare</h2>
      {source().embedded && <p class="hint">This file holds the comparison as it was saved; another one needs the agent.</p>}
      <CompareForm metric={metric} container={container} range={range} other={other} />
      {subjects.length > 1 && <Select label="Of" value={subject!} options={subjects.map((name) => [name, name])} onChange={setSubject} />}
      {problem && <p class="problem" role="alert">{problem}</p>}
      {found && !found.one && <p class="problem" role="alert">There are no values of {metric} for {one.title}.</p>}
      {found && !found.other && <p class="problem" role="alert">There are no values of {metric} for {before.title}.</p>}
      {found && (found.one || found.other) && (
        <>
          <OverlaidSides one={one} other={before} unit={unit} />
          <DifferenceTable one={one} other={before} unit={unit} />
          {found.verdict && <p class="verdict"><b>{found.verdict.kind.replaceAll("_", " ")}</b>: {withLocalTimes(found.verdict.sentence)}</p>}
          <p class="hint note">{resolutionText(one, before)}</p>
        </>
      )}
      {found?.notes.map((note) => <p key={note} class="hint note">{note}</p>)}
    </section>
  );
}

/** The chart, and above it which line is which, with the values at the cursor. */
function OverlaidSides({ one, other, unit }: { one: OverlaySide; other: OverlaySide; unit: string }) {
  const [cursor, setCursor] = useState<CursorValues | null>(null);
  return (
    <>
      <ul class="sides">
        {[one, other].map((side, index) => (
          <li key={index}>
            <Swatch slot={side.slot} />
            <span class="side-title">{side.title} <small>from {formatMoment(side.startMs)}</small></span>
            {cursor && <span class="row-value">{formatValue(cursor.values[index] ?? null, unit)}</span>}
          </li>
        ))}
      </ul>
      <p class="hint cursor-at">{cursor ? `${formatDuration(cursor.afterMs)} after the start` : "Point at the chart for values."}</p>
      <OverlayChart one={one} other={other} unit={unit} onCursor={setCursor} />
    </>
  );
}

function titled(pair: Pair, one: OverlaySide["series"], other: OverlaySide["series"]): [OverlaySide, OverlaySide] {
  const ids = [pair.one.container, pair.other.container];
  const byTime = ids[0] === ids[1];
  const [first, second] = byTime ? [0, 1] : slotsOf(ids as string[]);
  const titles = byTime ? ["this time", "other time"] : (ids as string[]).map(nameOf);
  return [
    { title: titles[0]!, series: one, startMs: pair.one.range.from, slot: first! },
    { title: titles[1]!, series: other, startMs: pair.other.range.from, slot: second! },
  ];
}

/** Containers have the colours that they have in the panels. */
function slotsOf(ids: string[]): number[] {
  const slots = assignColours([...resolvedContainers.peek().ids, ...ids]);
  return ids.map((id) => slots.get(id)!);
}

function resolutionText(...sides: OverlaySide[]): string {
  const widths = sides.flatMap(({ series }) => series?.width_ms ?? []);
  if (widths.length === 0) return "From every reading.";
  return `Percentiles are of means of ${Math.max(...widths) / 1000} s; the maximum is that of the readings.`;
}

/** A range that follows now moves on in steps, so that the comparison is not asked for each second. */
function steadyRange(range: Range, moves: boolean): Range {
  if (!moves) return range;
  const to = Math.ceil(range.to / LIVE_STEP_MS) * LIVE_STEP_MS;
  return { from: to - (range.to - range.from), to };
}
