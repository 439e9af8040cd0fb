// The names behind ids: which metrics and containers there are. Both are asked for once, the containers again while
// somebody records. Ids of a link may be short; here they become whole ones, or are told as unknown.
import { computed, effect, signal } from "@preact/signals";
import * as api from "../data/api.ts";
import { sentenceOf } from "../data/failure.ts";
import { source } from "../data/source.ts";
import type { Container, Metric, SubjectNames } from "../data/types.ts";
import { records, tabHidden } from "./clock.ts";
import { containers } from "./view.ts";

const TRY_AGAIN_MS = 3000;
const ASK_AGAIN_MS = 15_000;
/** A long list is asked for less often. */
const LONG_LIST = 2000;
const ASK_LONG_AGAIN_MS = 60_000;
const SHORT_ID = 12;
const TABLES_OF_THE_NODE = ["node", "disks"];

export const metricList = signal<Metric[]>([]);
export const metricProblem = signal<string | null>(null);
export const metricByName = computed(() => new Map(metricList.value.map((metric) => [metric.name, metric])));

export const containerList = signal<Container[]>([]);
export const containerTotal = signal(0);
export const containerProblem = signal<string | null>(null);
/** Whether the list has been got once. */
export const containersKnown = signal(false);
const byId = computed(() => new Map(containerList.value.map((container) => [container.id, container])));

export interface Resolved {
  ids: string[];
  unknown: string[];
}

/** The chosen containers by their whole ids, and those that are not recorded here. */
export const resolvedContainers = computed<Resolved>(() => {
  if (!containersKnown.value) return { ids: [], unknown: [] };
  const ids = new Set<string>();
  const unknown: string[] = [];
  for (const id of containers.value) {
    const found = findContainer(id);
    if (found) ids.add(found.id);
    else unknown.push(id);
  }
  return { ids: [...ids], unknown };
});

export function findContainer(id: string): Container | undefined {
  const exact = byId.value.get(id);
  if (exact || id.length < 6) return exact;
  const begins = containerList.value.filter((container) => container.id.startsWith(id));
  return begins.length === 1 ? begins[0] : undefined;
}

/** A container as people call it: its pod and its name in it, else its path's end. */
export function nameOf(id: string): string {
  const container = findContainer(id);
  if (!container) return id.slice(0, SHORT_ID);
  return containerName(container);
}

export function containerName(container: Container): string {
  if (container.pod !== null) return container.container ? `${container.pod}/${container.container}` : container.pod;
  if (container.container !== null) return container.container;
  const end = container.path.split("/").filter((part) => part !== "").pop();
  return end ?? container.id.slice(0, SHORT_ID);
}

/** What a series of any table belongs to, in words. */
export function subjectName(subject: SubjectNames): string {
  const parts: string[] = [];
  if (subject.container !== undefined) parts.push(nameOf(subject.container));
  else if (subject.pod !== undefined) parts.push(subject.pod);
  if (subject.comm !== undefined) parts.push(subject.pid === undefined ? subject.comm : `${subject.comm} (${subject.pid})`);
  if (subject.interface !== undefined) parts.push(subject.interface);
  if (subject.device !== undefined) parts.push(subject.device);
  if (parts.length > 0) return parts.join(" ");
  return subject.workload ?? subject.namespace ?? subject.node ?? "all";
}

/** Whether a metric is of the whole node, so that no container can be asked for. */
export function isOfNode(metric: string): boolean {
  return TABLES_OF_THE_NODE.includes(metricByName.value.get(metric)?.table ?? metric.split(".")[0] ?? "");
}

let gotMs = 0;

export async function startNames(): Promise<void> {
  if (!source().embedded) {
    setInterval(() => {
      const waitMs = containerTotal.peek() > LONG_LIST ? ASK_LONG_AGAIN_MS : ASK_AGAIN_MS;
      const due = (records.peek() && Date.now() - gotMs >= waitMs) || containerProblem.peek() !== null;
      if (due && !tabHidden.peek()) void askContainers();
      if (metricProblem.peek() !== null) void askMetrics();
    }, TRY_AGAIN_MS);
  }
  await Promise.all([askMetrics(), askContainers()]);
}

async function askMetrics(): Promise<void> {
  try {
    const { metrics, derived } = await api.metrics();
    metricList.value = [...metrics, ...derived];
    metricProblem.value = null;
  } catch (thrown) {
    metricProblem.value = sentenceOf(thrown);
  }
}

export async function askContainers(): Promise<void> {
  try {
    const { containers: list, total } = await api.containers({}, null);
    containerList.value = list;
    containerTotal.value = total;
    gotMs = Date.now();
    containersKnown.value = true;
    containerProblem.value = null;
  } catch (thrown) {
    containerProblem.value = sentenceOf(thrown);
  }
}

/** Asks for the list anew when a chosen container is not in it: it may have started since. */
export function watchForNewContainers(): void {
  let askedFor = "";
  effect(() => {
    const unknown = resolvedContainers.value.unknown.join(",");
    if (unknown === "" || unknown === askedFor || !records.value) return;
    askedFor = unknown;
    void askContainers();
  });
}
