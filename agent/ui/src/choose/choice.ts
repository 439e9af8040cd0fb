// Choosing with sensible company: a container without panels gets the first two, a metric without containers gets those
// that have most of it, so that no choice leads to an empty page.
import { batch } from "@preact/signals";
import * as api from "../data/api.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import {
  addPanel, containers, isOfNode, panels, removePanel, say, setContainers, setPanels, toggleContainer, uncoverCharts,
  visibleRange,
} from "../state/store.ts";
import { FIRST_PANELS } from "./metric-sets.ts";

const MOST_FIRST_CONTAINERS = 5;

export function chooseContainer(id: string): void {
  batch(() => {
    toggleContainer(id);
    showFirstPanels();
    if (containers.peek().includes(id)) uncoverCharts();
  });
}

/** All of a group, or none of it where all are chosen. */
export function chooseGroup(ids: readonly string[]): void {
  batch(() => {
    const now = containers.peek();
    const all = ids.every((id) => now.includes(id));
    setContainers(all ? now.filter((id) => !ids.includes(id)) : [...now, ...ids]);
    showFirstPanels();
    if (!all) uncoverCharts();
  });
}

/** Only this container, with the panels given; for links inside of the page. */
export function showOnly(ids: readonly string[], metrics: readonly string[]): void {
  batch(() => {
    setContainers([...ids]);
    setPanels([...metrics]);
    uncoverCharts();
  });
}

export function choosePanel(metric: string): void {
  const at = panels.peek().indexOf(metric);
  if (at >= 0) removePanel(at);
  else {
    addPanel(metric);
    uncoverCharts();
    void findContainers(metric);
  }
}

export function chooseSet(metrics: readonly string[]): void {
  setPanels([...metrics]);
  uncoverCharts();
  void findContainers(metrics[0]!);
}

function showFirstPanels(): void {
  if (panels.peek().length === 0 && containers.peek().length > 0) setPanels(FIRST_PANELS);
}

async function findContainers(metric: string): Promise<void> {
  if (containers.peek().length > 0 || isOfNode(metric)) return;
  try {
    const { entries } = await api.top({ metric, limit: MOST_FIRST_CONTAINERS }, visibleRange.peek());
    const ids = entries.flatMap((entry) => entry.container ?? []);
    if (containers.peek().length === 0 && ids.length > 0) setContainers(ids);
  } catch (thrown) {
    if (!isAbort(thrown)) say(sentenceOf(thrown));
  }
}
