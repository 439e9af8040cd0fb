// What happened where the pointer is: the events and the findings there, in words.
import { formatMoment, withLocalTimes } from "../lib/time.ts";
import { briefly, eventName } from "./marks.ts";
import type { Mark } from "./marks.ts";
import type { Overlay } from "./overlays.ts";

const TIP_WIDTH = 320;

export function EventTip({ left, marks, more, overlays }: { left: number; marks: Mark[]; more: number; overlays: Overlay[] }) {
  const place = (element: HTMLDivElement | null) => {
    if (!element) return;
    const room = element.parentElement?.clientWidth ?? 0;
    element.style.left = `${left + TIP_WIDTH + 24 > room ? Math.max(4, left - TIP_WIDTH - 14) : left + 14}px`;
  };
  return (
    <div class="tip" role="tooltip" ref={place}>
      {marks.map(({ event, tone }) => (
        <p key={`${event.time}${event.kind}${event.container_id ?? ""}`}>
          <strong class={`tone-${tone}`}>{eventName(event.kind)}</strong> {formatMoment(Date.parse(event.time))}
          <br />
          {event.pod !== undefined && <span class="tip-who">{event.pod}/{event.container ?? ""} </span>}
          {briefly(event.message)}
        </p>
      ))}
      {more > 0 && <p class="tip-who">and {more} more here</p>}
      {overlays.map(({ study, finding }) => (
        <p key={`${study}${finding.from}${finding.kind}`}>
          <strong>{study}: {finding.kind.replaceAll("_", " ")}</strong> {finding.severity}
          <br />
          {withLocalTimes(finding.sentence)}
        </p>
      ))}
    </div>
  );
}
