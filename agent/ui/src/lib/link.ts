// A view as a link and back: `#from=..&to=..&panels=..&containers=..&studies=..`, the format of docs/api.md.
// Knows the format only: whether a metric or a container exists, others find out. The one surprise: names that are
// not known are kept, so that a link made by a newer viewer survives an older one.
import { durationMs, parseTime } from "./time.ts";

export interface View {
  from?: string;
  to?: string;
  /** "15m" or "all": a range that follows now. */
  range?: string;
  panels: string[];
  containers: string[];
  studies: string[];
  extra: Record<string, string>;
}

export const MOST_PANELS = 8;
export const MOST_CONTAINERS = 400;

const PLAIN = /[A-Za-z0-9\-._~/:]/;
const LISTS = ["panels", "containers", "studies"] as const;

export function emptyView(): View {
  return { panels: [], containers: [], studies: [], extra: {} };
}

export function parseLink(hash: string): { view: View; problems: string[] } {
  const view = emptyView();
  const problems: string[] = [];
  for (const pair of hash.replace(/^\/?#/, "").split("&")) {
    if (pair !== "") readPair(pair, view, problems);
  }
  checkTimes(view, problems);
  view.panels = atMost(view.panels, MOST_PANELS, "panels", problems);
  view.containers = atMost(view.containers, MOST_CONTAINERS, "containers", problems);
  return { view, problems };
}

export function formatLink(view: View): string {
  const pairs: string[] = [];
  for (const name of ["from", "to", "range"] as const) {
    const value = view[name];
    if (value) pairs.push(`${name}=${encode(value)}`);
  }
  for (const name of LISTS) {
    if (view[name].length > 0) pairs.push(`${name}=${view[name].map(encode).join(",")}`);
  }
  for (const [name, value] of Object.entries(view.extra)) pairs.push(`${encode(name)}=${encode(value)}`);
  return `#${pairs.join("&")}`;
}

function readPair(pair: string, view: View, problems: string[]): void {
  const cut = pair.indexOf("=");
  const name = decode(cut < 0 ? pair : pair.slice(0, cut));
  const raw = cut < 0 ? "" : pair.slice(cut + 1);
  if (name === null) {
    problems.push(`The link has a name that cannot be read: ${shorten(pair)}`);
    return;
  }
  const list = LISTS.find((known) => known === name);
  if (list) {
    view[list] = readList(raw, name, problems);
    return;
  }
  const value = decode(raw);
  if (value === null) problems.push(`The link's ${shorten(name)} cannot be read: ${shorten(raw)}`);
  else if (name === "from" || name === "to" || name === "range") view[name] = value;
  else if (name !== "__proto__") view.extra[name] = value;
}

function readList(raw: string, name: string, problems: string[]): string[] {
  const values = new Set<string>();
  for (const part of raw.split(",")) {
    const value = decode(part);
    if (value === null) problems.push(`The link's ${name} cannot be read: ${shorten(part)}`);
    else if (value !== "") values.add(value);
  }
  return [...values];
}

function checkTimes(view: View, problems: string[]): void {
  for (const name of ["from", "to"] as const) {
    const text = view[name];
    if (text === undefined || parseTime(text) !== null) continue;
    problems.push(`The link's ${name} is not a time: ${shorten(text)}`);
    delete view[name];
  }
  if (view.range !== undefined && view.range !== "all" && durationMs(view.range) === null) {
    problems.push(`The link's range is not a duration like 15m, 6h or 1d, nor all: ${shorten(view.range)}`);
    delete view.range;
  }
  const from = view.from === undefined ? null : parseTime(view.from);
  const to = view.to === undefined ? null : parseTime(view.to);
  if (from !== null && to !== null && from >= to) {
    problems.push("The link's range ends before it begins.");
    delete view.from;
    delete view.to;
  }
}

function atMost(values: string[], most: number, what: string, problems: string[]): string[] {
  if (values.length <= most) return values;
  problems.push(`The link has ${values.length} ${what}; the first ${most} are shown.`);
  return values.slice(0, most);
}

function encode(text: string): string {
  let out = "";
  for (const char of text) {
    if (PLAIN.test(char)) out += char;
    else for (const byte of new TextEncoder().encode(char)) out += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
