// Times and durations between text and milliseconds since 1970. Shows the browser's local time; the API's times are UTC.
// The one surprise: a time without a zone that a person types is local, as it is shown.

export interface QuickRange {
  name: string;
  /** null for everything that is recorded. */
  ms: number | null;
  title: string;
}

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const WEEK_MS = 7 * DAY_MS;

export const QUICK_RANGES: QuickRange[] = [
  { name: "5m", ms: 5 * MINUTE_MS, title: "Last 5 minutes" },
  { name: "15m", ms: 15 * MINUTE_MS, title: "Last 15 minutes" },
  { name: "1h", ms: HOUR_MS, title: "Last hour" },
  { name: "6h", ms: 6 * HOUR_MS, title: "Last 6 hours" },
  { name: "1d", ms: DAY_MS, title: "Last day" },
  { name: "1w", ms: WEEK_MS, title: "Last week" },
  { name: "all", ms: null, title: "Everything that is recorded" },
];

const UNIT_MS: Record<string, number> = { ms: 1, s: SECOND_MS, m: MINUTE_MS, h: HOUR_MS, d: DAY_MS, w: WEEK_MS };

/** "15m" as milliseconds; null for what is no duration. */
export function durationMs(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/.exec(text.trim());
  if (!found) return null;
  const ms = Number(found[1]) * (UNIT_MS[found[2]!] ?? Number.NaN);
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}

/** RFC 3339, milliseconds since 1970, "now", "-15m", "2026-11-02 12:30", "12:30": milliseconds, or null. */
export function parseTime(text: string, nowMs = Date.now()): number | null {
  const trimmed = text.trim();
  if (trimmed === "now") return nowMs;
  if (/^\d{11,14}$/.test(trimmed)) return Number(trimmed);
  const back = /^-(.+)$/.exec(trimmed);
  if (back) {
    const ms = durationMs(back[1]!);
    return ms === null ? null : nowMs - ms;
  }
  return parseClock(trimmed, nowMs) ?? parseDate(trimmed);
}

function parseClock(text: string, nowMs: number): number | null {
  const found = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (!found) return null;
  const [hour, minute, second] = [Number(found[1]), Number(found[2]), Number(found[3] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return null;
  return new Date(nowMs).setHours(hour, minute, second, 0);
}

function parseDate(text: string): number | null {
  const found = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?))?\s*(Z|[+-]\d{2}:\d{2})?$/i.exec(text);
  if (!found) return null;
  const [, day, clock = "00:00", zone = ""] = found;
  const ms = Date.parse(`${day}T${clock}${zone.toUpperCase()}`);
  if (Number.isNaN(ms)) return null;
  return dayExists(day!) ? ms : null;
}

function dayExists(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}

/** A moment as exactly as the span that is looked at needs it, in local time. */
export function formatTime(ms: number, spanMs: number): string {
  if (!Number.isFinite(ms)) return "–";
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const minute = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const second = `${minute}:${two(date.getSeconds())}`;
  if (spanMs <= 10 * SECOND_MS) return `${second}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  if (spanMs <= 12 * HOUR_MS) return second;
  if (spanMs <= 2 * DAY_MS) return `${day.slice(5)} ${second}`;
  return `${day} ${minute}`;
}

/** The same moment for a title or a form: day and second. */
export function formatMoment(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  const date = new Date(ms);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A sentence of the agent with its times as the page has them: the agent's are UTC. */
export function withLocalTimes(sentence: string): string {
  return sentence.replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, (time) => formatMoment(Date.parse(time)));
}

/** What links carry: UTC, without a fraction where it is zero. */
export function toRfc3339(ms: number): string {
  return new Date(Math.round(ms)).toISOString().replace(".000Z", "Z");
}

const STEPS: [string, number][] = [["w", WEEK_MS], ["d", DAY_MS], ["h", HOUR_MS], ["m", MINUTE_MS], ["s", SECOND_MS]];

/** "2d 4h", "1m 30s", "250ms": the two largest parts. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms < SECOND_MS) return `${Math.round(ms)}ms`;
  if (ms < 10 * SECOND_MS) return `${Number((ms / SECOND_MS).toFixed(1))}s`;
  let left = Math.round(ms / SECOND_MS) * SECOND_MS;
  const parts: string[] = [];
  for (const [name, unitMs] of STEPS) {
    const count = Math.floor(left / unitMs);
    left -= count * unitMs;
    if (count > 0) parts.push(`${count}${name}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** How long ago a moment was, in words for a list. */
export function formatAgo(ms: number, nowMs: number): string {
  const ago = nowMs - ms;
  if (ago < 2 * SECOND_MS) return "now";
  return `${formatDuration(ago).split(" ")[0]} ago`;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
