// What one study found: a sentence each, with when and where. A click shows that time; measures open below.
import { signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Range } from "../data/api.ts";
import type { Measure, StudyReply } from "../data/types.ts";
import { formatDuration, formatMoment, formatTime, withLocalTimes } from "../lib/time.ts";
import { formatValue } from "../lib/units.ts";
import { subjectName, zoomTo } from "../state/store.ts";
import { notesOf, ordered, rangeAround, type Found } from "./order.ts";

const SHOWN_AT_FIRST = 20;

const whole = signal<ReadonlySet<string>>(new Set());

export function FindingList({ reply, range }: { reply: StudyReply; range: Range }) {
  const found = useMemo(() => ordered(reply), [reply]);
  const all = whole.value.has(reply.study);
  const shown = all ? found : found.slice(0, SHOWN_AT_FIRST);
  return (
    <>
      {found.length === 0 && <p class="hint">Nothing of that kind stands out between {formatMoment(Date.parse(reply.from))} and {" "}
        {formatMoment(Date.parse(reply.to))}.</p>}
      <ol class="finding-list">
        {shown.map((one, index) => <li key={index}><FindingRow one={one} spanMs={range.to - range.from} /></li>)}
      </ol>
      {shown.length < found.length && (
        <button type="button" class="quiet" onClick={() => { whole.value = new Set([...whole.value, reply.study]); }}>
          Show all {found.length}
        </button>
      )}
      {notesOf(reply).map((note) => <p key={note} class="hint note">{note}</p>)}
    </>
  );
}

function FindingRow({ one: { series, finding }, spanMs }: { one: Found; spanMs: number }) {
  const [begin, end] = [Date.parse(finding.from), Date.parse(finding.to)];
  const measures = Object.entries(finding.measures);
  return (
    <div class={`finding ${finding.severity}`}>
      <button type="button" class="finding-main" title="Show this time" onClick={() => {
        const around = rangeAround(finding, series.step_ms);
        zoomTo(around.from, around.to);
      }}>
        <span class="finding-head">
          <span class={`severity ${finding.severity}`}>{finding.severity}</span>
          <span class="hint">{formatTime(begin, spanMs)}{end > begin && `, for ${formatDuration(end - begin)}`}</span>
        </span>
        <span class="finding-where">{subjectName(series)}{series.metric !== undefined && ` · ${series.metric}`}</span>
        <span class="finding-sentence">{withLocalTimes(finding.sentence)}</span>
      </button>
      {measures.length > 0 && (
        <details>
          <summary>{measures.length} measures, confidence {Math.round(finding.confidence * 100)} %</summary>
          <dl class="measures">
            {measures.map(([name, measure]) => <Row key={name} name={name} measure={measure} />)}
          </dl>
        </details>
      )}
    </div>
  );
}

function Row({ name, measure }: { name: string; measure: Measure }) {
  return <><dt>{name.replaceAll("_", " ")}</dt><dd>{measureText(measure)}</dd></>;
}

function measureText({ value, unit }: Measure): string {
  if (typeof value === "string") return unit === "time" ? formatMoment(Date.parse(value)) : value;
  if (unit === "ratio" && value !== null) return formatValue(value * 100, "percent");
  return formatValue(value, unit);
}
