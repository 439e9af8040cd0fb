// What can be done with a panel beside looking at it: its picture, its rows, studies of it.
import type { Signal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { source } from "../data/source.ts";
import { addStudy, askStudyList, studyList, drawer } from "../state/store.ts";
import { Exports } from "./exports.tsx";
import { savePicture } from "./picture.ts";
import type { Plot } from "./plot.ts";
import type { SeriesData } from "./series-data.ts";

export function PanelMenu({ metric, data, plotRef }: { metric: string; data: SeriesData; plotRef: Signal<Plot | null> }) {
  const details = useRef<HTMLDetailsElement>(null);
  const close = () => details.current?.removeAttribute("open");
  const study = (id: string) => {
    addStudy({ study: id, panel: metric });
    drawer.value = "findings";
    close();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
    details.current?.querySelector("summary")?.focus();
  };
  return (
    <details class="drop" ref={details} onToggle={() => void askStudyList()} onKeyDown={onKey}>
      <summary class="icon" aria-label={`More for ${metric}`} title="Studies, picture, export">⋯</summary>
      <div class="drop-list">
        {!source().embedded && (
          <>
            <p class="drop-title">Study it</p>
            <div class="drop-studies">
              {studyList.value.filter(({ id }) => id !== "compare").map(({ id, name, description }) => (
                <button type="button" key={id} title={description} onClick={() => study(id)}>{name}</button>
              ))}
            </div>
          </>
        )}
        <p class="drop-title">Take it along</p>
        <button type="button" onClick={() => { close(); if (plotRef.value) savePicture(plotRef.value, metric, data.lines.value); }}>Picture (PNG)</button>
        {!source().embedded && <Exports metric={metric} />}
      </div>
    </details>
  );
}
