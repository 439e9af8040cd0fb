// The titles that a dashboard gives its panels, by metric. They last as long as the page shows that dashboard.
import { signal } from "@preact/signals";

export const panelTitles = signal<ReadonlyMap<string, string>>(new Map());

export function panelTitle(metric: string): string | undefined {
  return panelTitles.value.get(metric);
}
