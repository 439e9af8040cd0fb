// The texts of a time axis: as fine as the distance of its ticks, the day where a day begins.
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../lib/time.ts";

/** Distances of ticks that people can read. */
export const TICK_DISTANCES_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500,
  ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND_MS),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE_MS),
  ...[1, 2, 3, 6, 12].map((count) => count * HOUR_MS),
  ...[1, 2, 7, 14, 28].map((count) => count * DAY_MS),
];

export function tickTexts(ticks: number[], distanceMs: number): string[] {
  let dayBefore = "";
  return ticks.map((ms) => {
    const date = new Date(ms);
    const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
    const newDay = day !== dayBefore && dayBefore !== "";
    dayBefore = day;
    if (distanceMs >= DAY_MS || (newDay && date.getHours() === 0)) return day;
    const minute = `${two(date.getHours())}:${two(date.getMinutes())}`;
    if (distanceMs >= MINUTE_MS) return minute;
    const second = `${minute}:${two(date.getSeconds())}`;
    return distanceMs >= SECOND_MS ? second : `${second.slice(3)}.${String(date.getMilliseconds()).padStart(3, "0")}`;
  });
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
