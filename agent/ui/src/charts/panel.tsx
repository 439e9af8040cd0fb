// One panel: its title with what can be done to it, the chart, the legend, and a sentence where there is nothing to see.
import { signal } from "@preact/signals";
import type { Signal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import * as api from "../data/api.ts";
import { sentenceOf } from "../data/failure.ts";
import { formatDuration } from "../lib/time.ts";
import { formatValue, unitName } from "../lib/units.ts";
import { panelTitle } from "../dashboards/titles.ts";
import { takers } from "../live/stream.ts";
import {
  containersKnown, isOfNode, metricByName, metricProblem, movePanel, panels, removePanel, resolvedContainers, say,
  setContainers, visibleRange,
} from "../state/store.ts";
import { Chart } from "./chart.tsx";
import { Legend } from "./legend.tsx";
import { PanelMenu } from "./panel-menu.tsx";
import type { Plot } from "./plot.ts";
import { beginReorder, dragged } from "./reorder.ts";
import { SeriesData } from "./series-data.ts";

const MOST_SHOWN_UNASKED = 5;
const NOTES_SHOWN = 2;

export function Panel({ metric, index, height }: { metric: string; index: number; height: number }) {
  const data = useMemo(() => new SeriesData(metric), [metric]);
  const hidden = useMemo<Signal<ReadonlySet<string>>>(() => signal(new Set()), [metric]);
  const focus = useMemo(() => signal<string | null>(null), [metric]);
  const nearest = useMemo(() => signal<string | null>(null), [metric]);
  const plotRef = useMemo(() => signal<Plot | null>(null), [metric]);
  useEffect(() => {
    takers.add(data);
    return () => {
      takers.delete(data);
      data.dispose();
    };
  }, [data]);
  const known = metricByName.value.get(metric);
  const unit = known?.unit ?? "";
  const missing = metricByName.value.size > 0 && !known;
  return (
    <section class={`panel${dragClass(index)}`} aria-label={metric} data-panel={metric} aria-busy={data.loading.value}>
      <PanelHead metric={metric} index={index} data={data} plotRef={plotRef} />
      {missing ? <UnknownMetric metric={metric} index={index} /> : (
        <div class="panel-body">
          <div class="panel-chart">
            {known && <Chart data={data} unit={unit} label={`${metric} over time`} height={height} hidden={hidden} focus={focus} nearest={nearest} plotRef={plotRef} />}
            <PanelMessage data={data} metric={metric} />
          </div>
          <Legend lines={data.lines} hidden={hidden} focus={focus} nearest={nearest} unit={unit} />
        </div>
      )}
    </section>
  );
}

/** A dragged panel is faint, and a line shows where it would be put. */
function dragClass(index: number): string {
  const drag = dragged.value;
  if (drag?.from === index) return " is-dragged";
  if (drag?.to !== index) return "";
  return drag.to < drag.from ? " is-drop-before" : " is-drop-after";
}

function PanelHead({ metric, index, data, plotRef }: { metric: string; index: number; data: SeriesData; plotRef: Signal<Plot | null> }) {
  const known = metricByName.value.get(metric);
  const last = panels.value.length - 1;
  return (
    <header class={last > 0 ? "panel-head is-movable" : "panel-head"}>
      {last > 0 && <span class="panel-grip" aria-hidden="true" title="Drag to move this panel" onPointerDown={(event) => beginReorder(event, index)}>⠿</span>}
      <h2 title={known?.help ? `${metric}: ${known.help}` : metric} onPointerDown={(event) => {
        // With a finger the title scrolls the page, and the handle moves the panel.
        if (event.pointerType !== "touch") beginReorder(event, index);
      }}>{panelTitle(metric) ?? metric}</h2>
      <span class="panel-facts">
        <span class="panel-unit">{known ? unitName(known.unit) : ""}</span>
        <LimitNote data={data} unit={known?.unit ?? ""} />
        <Resolution data={data} />
      </span>
      <button type="button" class="icon" disabled={index === 0} onClick={() => movePanel(index, index - 1)} aria-label={`Move ${metric} up`} title="Move up">↑</button>
      <button type="button" class="icon" disabled={index === last} onClick={() => movePanel(index, index + 1)} aria-label={`Move ${metric} down`} title="Move down">↓</button>
      <PanelMenu metric={metric} data={data} plotRef={plotRef} />
      <button type="button" class="icon" onClick={() => removePanel(index)} aria-label={`Remove ${metric}`} title="Remove this panel">✕</button>
    </header>
  );
}

function Resolution({ data }: { data: SeriesData }) {
  const widths = [...new Set(data.lines.value.map((line) => line.widthMs))];
  if (data.lines.value.length === 0) return null;
  const widest = Math.max(...widths);
  const text = widest === 0 ? "every reading" : `mean and min–max per ${formatDuration(widest)}`;
  return <span class="panel-resolution" title={text}>{text}{data.loading.value ? " …" : ""}</span>;
}

/** The limits in words: a limit far above the values is not in the picture. */
function LimitNote({ data, unit }: { data: SeriesData; unit: string }) {
  const values = data.limits.value.flatMap((line) => line.mid.findLast((value) => value !== null) ?? []);
  if (values.length === 0) return null;
  const [least, most] = [formatValue(Math.min(...values), unit), formatValue(Math.max(...values), unit)];
  const text = least === most ? `limit ${least}` : `limits ${least} to ${most}`;
  return <span class="panel-limit" title={text}>{text}</span>;
}

function PanelMessage({ data, metric }: { data: SeriesData; metric: string }) {
  const problem = data.problem.value ?? metricProblem.value;
  const drawn = data.lines.value.length > 0;
  if (problem !== null) return <p class={`panel-message is-problem${drawn ? " is-on-top" : ""}`} role="alert">{problem}</p>;
  const noneChosen = containersKnown.value && resolvedContainers.value.ids.length === 0 && !isOfNode(metric);
  if (noneChosen) return <NoContainers metric={metric} />;
  if (drawn) return null;
  if (data.loading.value) return <p class="panel-message">Loading …</p>;
  const note = data.notes.value.slice(0, NOTES_SHOWN).join("; ");
  return note === "" ? null : <p class="panel-message">{note.charAt(0).toUpperCase() + note.slice(1)}.</p>;
}

function NoContainers({ metric }: { metric: string }) {
  const take = async () => {
    try {
      const top = await api.top({ metric, limit: MOST_SHOWN_UNASKED }, visibleRange.peek());
      const ids = top.entries.flatMap((entry) => entry.container ?? []);
      if (ids.length === 0) say(`No container has a value of ${metric} in this range.`);
      else setContainers(ids);
    } catch (thrown) {
      say(sentenceOf(thrown));
    }
  };
  return (
    <div class="panel-message">
      <p>No container is chosen.</p>
      <button type="button" onClick={() => void take()}>Show the {MOST_SHOWN_UNASKED} largest</button>
    </div>
  );
}

function UnknownMetric({ metric, index }: { metric: string; index: number }) {
  return (
    <div class="panel-message is-problem is-alone" role="alert">
      <p>There is no metric {metric} here. It may be of another version of the agent.</p>
      <button type="button" onClick={() => removePanel(index)}>Remove this panel</button>
    </div>
  );
}
