// Quick ranges that follow now, and an exact range from and to.
import { useRef } from "preact/hooks";
import { formatDuration, formatMoment, formatTime, parseTime, QUICK_RANGES } from "../lib/time.ts";
import { nowMs, quickRange, setQuickRange, setRange, visibleRange } from "../state/store.ts";
import { useSignal } from "@preact/signals";

const LONG_MS = 2 * 3_600_000;

export function RangePicker() {
  return (
    <div class="range" role="group" aria-label="Range">
      {QUICK_RANGES.map(({ name, title }) => (
        <button type="button" key={name} title={title} aria-pressed={quickRange.value === name} onClick={() => setQuickRange(name)}>{name}</button>
      ))}
      <ExactRange />
    </div>
  );
}

/** Neither seconds nor the year say much in the title of a long range; the form has both. */
function brief(ms: number, spanMs: number): string {
  const text = formatTime(ms, spanMs);
  const withoutYear = text.replace(/^\d{4}-/, "");
  return spanMs > LONG_MS ? withoutYear.replace(/(:\d\d):\d\d$/, "$1") : text;
}

function ExactRange() {
  const details = useRef<HTMLDetailsElement>(null);
  const problem = useSignal<string | null>(null);
  const open = useSignal(false);
  const { from, to } = visibleRange.value;
  const apply = (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const fromMs = parseTime(String(form.get("from") ?? ""), nowMs.peek());
    const toMs = parseTime(String(form.get("to") ?? ""), nowMs.peek());
    if (fromMs === null || toMs === null) problem.value = `The ${fromMs === null ? "begin" : "end"} is not a time like 2026-11-02 12:30, 12:30, -15m or now.`;
    else if (fromMs >= toMs) problem.value = "The range ends before it begins.";
    else {
      problem.value = null;
      setRange(fromMs, toMs);
      details.current?.removeAttribute("open");
    }
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    details.current?.removeAttribute("open");
    details.current?.querySelector("summary")?.focus();
  };
  return (
    <details class="drop exact" ref={details} onKeyDown={onKey} onToggle={() => (open.value = details.current?.open ?? false)}>
      <summary title="Exact range" class={quickRange.value === null ? "is-on" : ""}>
        {brief(from, to - from)} – {brief(to, to - from)} <span class="exact-span">({formatDuration(to - from)})</span>
      </summary>
      {open.value && <form class="drop-list exact-form" onSubmit={apply}>
        <label>From <input class="field" name="from" defaultValue={formatMoment(from)} autocomplete="off" /></label>
        <label>To <input class="field" name="to" defaultValue={formatMoment(to)} autocomplete="off" /></label>
        <p class="hint">Local time; also 12:30, -15m, now, or RFC 3339.</p>
        {problem.value && <p class="problem" role="alert">{problem.value}</p>}
        <button type="submit">Show</button>
      </form>}
    </details>
  );
}
