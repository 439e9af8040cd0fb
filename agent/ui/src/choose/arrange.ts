// The containers that the chooser lists: which pass the filters and the search, in which order, under which headings.
// Works on whatever list it is given and asks nobody.
import type { Container } from "../data/types.ts";
import { fuzzyFilter } from "../lib/fuzzy.ts";
import { matchesLabels } from "../lib/selector.ts";

export type GroupBy = "none" | "workload" | "pod" | "namespace";
export type State = "all" | "alive" | "gone" | "chosen";
export type SortBy = "newest" | "name" | "cpu" | "memory" | "throttling" | "oom";

export interface Arrangement {
  query: string;
  namespace: string;
  qos: string;
  labels: string;
  state: State;
  group: GroupBy;
  sort: SortBy;
}

export interface Known {
  isGone: (container: Container) => boolean;
  isChosen: (id: string) => boolean;
  /** What is sorted by, where that is a metric. */
  valueOf: (id: string) => number | undefined;
}

export type Row =
  | { kind: "group"; name: string; ids: string[] }
  | { kind: "container"; container: Container };

export const NOTHING_ASKED: Arrangement = {
  query: "", namespace: "", qos: "", labels: "", state: "all", group: "none", sort: "newest",
};

const keptTexts = new WeakMap<Container, string[]>();

export function arrange(all: readonly Container[], asked: Arrangement, known: Known): Row[] {
  const passing = all.filter((container) => passes(container, asked, known));
  const found = fuzzyFilter(asked.query, passing, searchTexts);
  const byRelevance = asked.query.trim() !== "" && asked.sort === "newest";
  const sorted = byRelevance ? found : sort(found, asked.sort, known);
  if (asked.group === "none") return sorted.map((container) => ({ kind: "container", container }));
  return grouped(sorted, asked.group);
}

export function groupName(container: Container, group: GroupBy): string {
  const namespace = container.namespace ?? "";
  if (group === "namespace") return namespace || "no namespace";
  const name = group === "pod" ? container.pod : container.workload;
  if (!name) return group === "pod" ? "no pod" : "no workload";
  return namespace ? `${namespace} · ${name}` : name;
}

function passes(container: Container, asked: Arrangement, known: Known): boolean {
  if (asked.namespace !== "" && container.namespace !== asked.namespace) return false;
  if (asked.qos !== "" && container.qos_class !== asked.qos) return false;
  if (asked.labels !== "" && !matchesLabels(asked.labels, container.labels)) return false;
  if (asked.state === "chosen") return known.isChosen(container.id);
  return asked.state === "all" || known.isGone(container) === (asked.state === "gone");
}

/** What a container is searched by. */
export function searchTexts(container: Container): string[] {
  let texts = keptTexts.get(container);
  if (!texts) {
    const { pod, namespace, container: name, workload, image, id, path, labels } = container;
    const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    const ownPath = pod === null && name === null ? path : null;
    const present = [pod, namespace, name, workload, image, id, ownPath, ...pairs].filter((text) => text !== null);
    texts = present.map((text) => text.toLowerCase());
    keptTexts.set(container, texts);
  }
  return texts;
}

function sort(found: Container[], by: SortBy, known: Known): Container[] {
  if (by === "name") return found.sort((a, b) => sortName(a).localeCompare(sortName(b)));
  if (by === "newest") return found.sort((a, b) => compareTexts(b.first_seen, a.first_seen));
  const value = (container: Container) => known.valueOf(container.id) ?? Number.NEGATIVE_INFINITY;
  return found.sort((a, b) => value(b) - value(a) || compareTexts(b.first_seen, a.first_seen));
}

function sortName(container: Container): string {
  return [container.namespace, container.pod ?? container.path, container.container].join("/");
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Groups stand in the order of their first container, so that the sorting holds for them too. */
function grouped(sorted: Container[], group: GroupBy): Row[] {
  const groups = new Map<string, Container[]>();
  for (const container of sorted) {
    const name = groupName(container, group);
    const members = groups.get(name);
    if (members) members.push(container);
    else groups.set(name, [container]);
  }
  return [...groups].flatMap(([name, members]): Row[] => [
    { kind: "group", name, ids: members.map((container) => container.id) },
    ...members.map((container): Row => ({ kind: "container", container })),
  ]);
}
