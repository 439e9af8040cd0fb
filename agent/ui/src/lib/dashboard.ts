// A dashboard as JSON: what it may say, and one clear sentence for what is wrong with it. Knows the format only; which
// containers and which moment it means, `dashboard-view.ts` works out. Variables are put in after the JSON is read, so a
// value from the address can change a text and never the shape. The format: docs/dashboards.md.
import { MOST_PANELS } from "./link.ts";
import { durationMs, parseTime } from "./time.ts";

export interface DashboardPanel {
  title?: string;
  metric: string;
  study?: string;
}

export interface ContainerChoice {
  namespace?: string;
  label_selector?: string | Record<string, string>;
  name_pattern?: string;
  most?: number;
}

export type DashboardTime =
  | { mode: "from_containers"; padding_seconds: number }
  | { mode: "range"; range: string }
  | { mode: "fixed"; from: string; to: string };

export interface Dashboard {
  name: string;
  description: string;
  containers: ContainerChoice;
  time_range: DashboardTime;
  panels: DashboardPanel[];
}

/** Either a dashboard, with notes on what of it is not shown, or the problem that keeps it from being shown at all. */
export type ReadDashboard = { dashboard: Dashboard; notes: string[] } | { problem: string };

export const MOST_DASHBOARD_BYTES = 256 * 1024;
const DEFAULT_PADDING_SECONDS = 30;
const VARIABLE = /\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}/g;

class Wrong extends Error {}

export function parseDashboard(text: string, variables: Record<string, string> = {}): ReadDashboard {
  if (text.length > MOST_DASHBOARD_BYTES) return { problem: "The dashboard is larger than 256 KiB." };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return { problem: `The dashboard is no valid JSON: ${error instanceof Error ? error.message : "it cannot be read"}.` };
  }
  try {
    return readDashboard(json, variables);
  } catch (error) {
    if (error instanceof Wrong) return { problem: `The dashboard cannot be shown: ${error.message}.` };
    throw error;
  }
}

/** A dashboard in base64, with the usual or the letters of addresses. */
export function decodeInline(base64: string): string | null {
  if (base64.length > MOST_DASHBOARD_BYTES * 1.4) return null;
  try {
    const usual = base64.trim().replace(/ /g, "+").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(usual), (letter) => letter.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

function readDashboard(json: unknown, given: Record<string, string>): ReadDashboard {
  const raw = object(json, "it");
  const defaults = raw.variables === undefined ? {} : texts(raw.variables, "variables");
  const filled = object(fill(raw, { ...defaults, ...given }), "it");
  const notes: string[] = [];
  if (filled.schema_version !== undefined && filled.schema_version !== 1) {
    throw new Wrong(`its schema_version is ${quote(filled.schema_version)}, and this viewer knows 1`);
  }
  return {
    dashboard: {
      name: optionalText(filled.name ?? filled.title, "name") ?? "Dashboard",
      description: optionalText(filled.description, "description") ?? "",
      containers: readChoice(filled.containers),
      time_range: readTime(filled.time_range),
      panels: readPanels(filled.panels, notes),
    },
    notes,
  };
}

function readPanels(json: unknown, notes: string[]): DashboardPanel[] {
  if (!Array.isArray(json)) throw new Wrong("panels must be a list");
  if (json.length === 0) throw new Wrong("it has no panels");
  if (json.length > MOST_PANELS) notes.push(`The dashboard has ${json.length} panels; the first ${MOST_PANELS} are shown.`);
  return json.slice(0, MOST_PANELS).map((entry, index) => {
    const where = `panel ${index + 1}`;
    const panel = object(entry, where);
    const metric = optionalText(panel.metric, `metric of ${where}`);
    if (!metric) throw new Wrong(`${where} has no metric`);
    const title = optionalText(panel.title, `title of ${where}`);
    const study = optionalText(panel.study, `study of ${where}`);
    return { metric, ...(title ? { title } : {}), ...(study ? { study } : {}) };
  });
}

function readChoice(json: unknown): ContainerChoice {
  if (json === undefined) return {};
  const raw = object(json, "containers");
  const choice: ContainerChoice = {};
  const namespace = optionalText(raw.namespace, "namespace");
  const pattern = optionalText(raw.name_pattern, "name_pattern");
  if (namespace) choice.namespace = namespace;
  if (pattern) choice.name_pattern = pattern;
  if (typeof raw.label_selector === "string") {
    if (raw.label_selector !== "") choice.label_selector = raw.label_selector;
  } else if (raw.label_selector !== undefined) choice.label_selector = texts(raw.label_selector, "label_selector");
  if (raw.most !== undefined) {
    if (typeof raw.most !== "number" || !(raw.most >= 1)) throw new Wrong("most must be a number from 1 on");
    choice.most = Math.floor(raw.most);
  }
  return choice;
}

function readTime(json: unknown): DashboardTime {
  if (json === undefined) return { mode: "range", range: "1h" };
  const raw = object(json, "time_range");
  if (raw.mode === "from_containers") {
    const padding = raw.padding_seconds ?? DEFAULT_PADDING_SECONDS;
    if (typeof padding !== "number" || !(padding >= 0)) throw new Wrong("padding_seconds must be a number from 0 on");
    return { mode: "from_containers", padding_seconds: padding };
  }
  if (raw.mode === "range") {
    const range = optionalText(raw.range, "range") ?? "";
    if (range !== "all" && durationMs(range) === null) throw new Wrong(`${quote(range)} is no range like 15m, 1d or all`);
    return { mode: "range", range };
  }
  if (raw.mode === "fixed") {
    const [from, to] = [optionalText(raw.from, "from") ?? "", optionalText(raw.to, "to") ?? ""];
    const [begin, end] = [parseTime(from), parseTime(to)];
    if (begin === null || end === null) throw new Wrong("from and to of time_range must be times like 2026-11-23T04:00:00Z");
    if (begin >= end) throw new Wrong("its time_range ends before it begins");
    return { mode: "fixed", from, to };
  }
  throw new Wrong(`the mode of time_range is ${quote(raw.mode)}, and there are from_containers, range and fixed`);
}

function fill(value: unknown, variables: Record<string, string>): unknown {
  if (typeof value === "string") return value.replace(VARIABLE, (_, name: string) => variableOf(name, variables));
  if (Array.isArray(value)) return value.map((entry) => fill(entry, variables));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, fill(entry, variables)]));
}

function variableOf(name: string, variables: Record<string, string>): string {
  if (Object.hasOwn(variables, name)) return variables[name]!;
  throw new Wrong(`it needs the variable ${name}; add &${name}=VALUE to the address`);
}

function object(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Wrong(`${what} must be an object`);
}

function texts(value: unknown, what: string): Record<string, string> {
  const entries = Object.entries(object(value, what));
  for (const [name, text] of entries) if (typeof text !== "string") throw new Wrong(`${name} of ${what} must be a text`);
  return Object.fromEntries(entries) as Record<string, string>;
}

function optionalText(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new Wrong(`${what} must be a text`);
}

function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? "missing";
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
