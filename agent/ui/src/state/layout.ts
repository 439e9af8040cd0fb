// Which parts of the page are open beside the charts.
import { signal } from "@preact/signals";

export type Drawer = "findings" | "processes" | "compare" | "events";

export const drawer = signal<Drawer | null>(null);
/** Below this the sides lie over the charts; page.css has the same. */
const NARROW_PX = 900;

export const chooserOpen = signal(window.innerWidth >= NARROW_PX);
export const helpOpen = signal(false);
/** Counts up when the search field is to get the focus. */
export const searchWanted = signal(0);

export function toggleDrawer(which: Drawer): void {
  drawer.value = drawer.peek() === which ? null : which;
}

/** After a choice, so that what was chosen is seen. */
export function uncoverCharts(): void {
  if (window.innerWidth < NARROW_PX) chooserOpen.value = false;
}

export function wantSearch(): void {
  chooserOpen.value = true;
  searchWanted.value += 1;
}
