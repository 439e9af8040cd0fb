// The questions that the viewer asks, one function per path of docs/api.md. Times are milliseconds since 1970.
import { source } from "./source.ts";
import type { Params } from "./source.ts";
import type {
  Catalogue, ContainerList, Events, Filters, Instance, Processes, Studies, StudyReply, Summary, Timeseries, Top,
} from "./types.ts";

export interface Range {
  from: number;
  to: number;
}

export interface ContainerFilter {
  container?: string[];
  namespace?: string;
  pod?: string;
  workload?: string;
  qos_class?: string;
  labels?: string[];
  search?: string;
}

export interface SeriesQuestion extends ContainerFilter {
  metric: string[];
  /** At most so many of each, or every reading. */
  points?: number | "all";
  agg?: string;
  group?: string;
}

export interface TopQuestion extends ContainerFilter {
  metric: string;
  by?: "mean" | "max" | "last";
  limit?: number;
  group?: string;
}

export interface EventQuestion {
  kind?: string[];
  container_id?: string;
  pod?: string;
  namespace?: string;
  container?: string;
  workload?: string;
  limit?: number;
}

export interface StudyQuestion extends ContainerFilter {
  metric?: string[];
  set?: string[];
  baseline?: Range;
  with?: string;
}

export function instance(signal?: AbortSignal): Promise<Instance> {
  return ask("/api/instance", {}, signal);
}

export function metrics(signal?: AbortSignal): Promise<Catalogue> {
  return ask("/api/metrics", {}, signal);
}

export interface ListOptions {
  sort?: "newest" | "oldest" | "name";
  limit?: number;
  metric?: string;
}

export function containers(filter: ContainerFilter & ListOptions, range: Range | null, signal?: AbortSignal): Promise<ContainerList> {
  return ask("/api/containers", { ...filter, ...rounded(range) }, signal);
}

export function filters(range: Range | null, signal?: AbortSignal): Promise<Filters> {
  return ask("/api/filters", { ...rounded(range) }, signal);
}

export function timeseries(question: SeriesQuestion, range: Range, signal?: AbortSignal): Promise<Timeseries> {
  return ask("/api/timeseries", { ...question, ...rounded(range) }, signal);
}

export function top(question: TopQuestion, range: Range, signal?: AbortSignal): Promise<Top> {
  return ask("/api/top", { ...question, ...rounded(range) }, signal);
}

export function events(question: EventQuestion, range: Range | null, signal?: AbortSignal): Promise<Events> {
  return ask("/api/events", { ...question, ...rounded(range) }, signal);
}

export function processes(container: string, atMs: number, signal?: AbortSignal): Promise<Processes> {
  return ask("/api/processes", { container, at: Math.round(atMs) }, signal);
}

export function studies(signal?: AbortSignal): Promise<Studies> {
  return ask("/api/studies", {}, signal);
}

export function study(id: string, question: StudyQuestion, range: Range, signal?: AbortSignal): Promise<StudyReply> {
  return ask(`/api/study/${encodeURIComponent(id)}`, { ...studyParams(question), ...rounded(range) }, signal);
}

/** What a study is asked besides the range. */
export function studyParams({ baseline, ...rest }: StudyQuestion): Params {
  if (!baseline) return { ...rest };
  return { ...rest, baseline_from: Math.round(baseline.from), baseline_to: Math.round(baseline.to) };
}

export function summary(container: string, range: Range, signal?: AbortSignal): Promise<Summary> {
  return ask("/api/summary", { container, ...rounded(range) }, signal);
}

/** The address of a download; the browser asks for it, not the viewer. */
export function exportAddress(params: Params): string {
  const pairs = Object.entries(params).filter(([, value]) => value !== undefined && value.toString() !== "");
  return `./api/export?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&")}`;
}

async function ask<T>(path: string, params: Params, signal?: AbortSignal): Promise<T> {
  return (await source().get(path, params, signal)) as T;
}

function rounded(range: Range | null): Params {
  return range ? { from: Math.floor(range.from), to: Math.ceil(range.to) } : {};
}
