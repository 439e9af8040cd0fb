// The events in the visible range, newest first; a click goes to the moment.
import { MissingMarks } from "../charts/panel-list.tsx";
import { briefly, eventName, markOf } from "../charts/marks.ts";
import type { AgentEvent } from "../data/types.ts";
import { formatMoment } from "../lib/time.ts";
import { happenings, happeningsProblem } from "../state/happenings.ts";
import { cursorTime, nameOf, visibleRange, zoomTo } from "../state/store.ts";

const AROUND_MS = 120_000;
const MOST_SHOWN = 300;

export function EventsList() {
  const { from, to } = visibleRange.value;
  const inside = happenings.value.filter(({ time }) => {
    const ms = Date.parse(time);
    return ms >= from && ms <= to;
  });
  return (
    <section class="drawer-part" aria-label="Events">
      <h2>Events</h2>
      {happeningsProblem.value && <p class="problem" role="alert">{happeningsProblem.value}</p>}
      <MissingMarks />
      {inside.length === 0 && <p class="hint">Nothing happened to the chosen containers in this range.</p>}
      <ul class="happened">{inside.slice(-MOST_SHOWN).reverse().map((event) => <EventRow key={`${event.time}${event.kind}${event.container_id ?? ""}`} event={event} />)}</ul>
      {inside.length > MOST_SHOWN && <p class="hint">and {inside.length - MOST_SHOWN} older ones; zoom in to see them.</p>}
    </section>
  );
}

function EventRow({ event }: { event: AgentEvent }) {
  const ms = Date.parse(event.time);
  const go = () => {
    zoomTo(ms - AROUND_MS, ms + AROUND_MS);
    cursorTime.value = ms;
  };
  return (
    <li>
      <button type="button" onClick={go} title="Go there">
        <span class={`happened-kind tone-${markOf(event).tone}`}>{eventName(event.kind)}</span>
        <time dateTime={event.time}>{formatMoment(ms)}</time>
        {event.container_id !== undefined && <span class="happened-who">{nameOf(event.container_id)}</span>}
        <span class="happened-text">{briefly(event.message)}</span>
      </button>
    </li>
  );
}
