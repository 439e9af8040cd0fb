// One metric of some containers as comma-separated values: a row per reading, in the finest resolution that the agent has. Asked
// for container by container and bounded, because the browser makes it.
import * as api from "../data/api.ts";
import type { Series, SubjectNames } from "../data/types.ts";

/** Rows that a browser makes and a spreadsheet opens. */
export const MOST_CSV_ROWS = 1_000_000;
const ROWS_PER_PART = 20_000;

/** What a series belongs to, under the names that the columns have on disk. */
const SUBJECTS: [string, keyof SubjectNames][] = [["namespace", "namespace"], ["pod", "pod"],
  ["container", "container_name"], ["container_id", "container"], ["pod_uid", "pod_uid"], ["interface", "interface"],
  ["device", "device"], ["pid", "pid"], ["comm", "comm"]];

export interface CsvQuestion {
  metric: string;
  /** The containers; null for a metric of the node. */
  ids: string[] | null;
  range: api.Range;
}

/** How many rows there may be: a reading of each container in each interval. */
export function rowsExpected({ ids, range }: CsvQuestion, intervalMs: number): number {
  return Math.ceil(Math.max(0, range.to - range.from) / intervalMs) * (ids?.length ?? 1);
}

/** The sentence about too many rows, or null. */
export function tooMany(rows: number): string | null {
  if (rows <= MOST_CSV_ROWS) return null;
  const millions = (rows / 1e6).toFixed(1);
  return `That would be some ${millions} million rows, and the browser makes at most 1 million. Choose a shorter range or fewer containers.`;
}

/** The file's parts; `progress` is told how many containers are done. Throws what the questions throw. */
export async function metricCsv(question: CsvQuestion, progress: (done: number) => void, signal: AbortSignal): Promise<string[] | string> {
  const found: Series[] = [];
  const known = new Set<string>();
  let rows = 0;
  for (const [at, container] of (question.ids ?? [undefined]).entries()) {
    progress(at);
    const asked = { metric: [question.metric], container: container === undefined ? undefined : [container], points: "all" as const };
    const { series } = await api.timeseries(asked, question.range, signal);
    // Two containers of one pod have the same series where a table is of pods. Within an answer no series is there twice.
    const fresh = series.filter((one) => !known.has(subjectOf(one)));
    fresh.forEach((one) => known.add(subjectOf(one)));
    found.push(...fresh);
    rows += fresh.reduce((sum, one) => sum + one.t.length, 0);
    const problem = tooMany(rows);
    if (problem !== null) return problem;
  }
  return csvParts(found);
}

function subjectOf(series: Series): string {
  return JSON.stringify(SUBJECTS.map(([, name]) => series[name]));
}

export function csvParts(series: Series[]): string[] {
  const has = (name: keyof SubjectNames) => series.some((one) => one[name] !== undefined);
  const subjects = SUBJECTS.filter(([, name]) => has(name) && (name !== "pod_uid" || !has("container")));
  const summed = series.some(({ resolution }) => resolution !== "raw");
  const metric = series[0]?.metric ?? "value";
  const head = ["time", ...subjects.map(([title]) => title), metric, ...(summed ? ["min", "max", "width_ms"] : [])];
  const parts = [`${head.map(quoted).join(",")}\n`];
  for (const one of series) {
    const who = subjects.map(([, name]) => `${quoted(one[name] ?? "")},`).join("");
    for (let begin = 0; begin < one.t.length; begin += ROWS_PER_PART) {
      let part = "";
      for (let at = begin; at < Math.min(begin + ROWS_PER_PART, one.t.length); at += 1) part += row(one, at, who, summed);
      parts.push(part);
    }
  }
  return parts;
}

function row(one: Series, at: number, who: string, summed: boolean): string {
  const time = new Date(one.t[at]!).toISOString();
  const value = one.v?.[at] ?? one.mean?.[at] ?? "";
  const rest = summed ? `,${one.min?.[at] ?? ""},${one.max?.[at] ?? ""},${one.width_ms ?? ""}` : "";
  return `${time},${who}${value}${rest}\n`;
}

/** A name that a spreadsheet would take for a formula gets an apostrophe in front. */
function quoted(name: string): string {
  const text = /^[=+\-@]/.test(name) ? `'${name}` : name;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
