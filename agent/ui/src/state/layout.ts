// Which parts of the page are open beside the charts.
import { signal } from "@preact/signals";

export type Drawer = "findings" | "processes" | "compare" | "events";

export const drawer = signal<Drawer | null>(null);
export const chooserOpen = signal(window.innerWidth >= 900);
export const helpOpen = signal(false);
/** Counts up when the search field is to get the focus. */
export const searchWanted = signal(0);

export function toggleDrawer(which: Drawer): void {
  drawer.value = drawer.peek() === which ? null : which;
}

export function wantSearch(): void {
  chooserOpen.value = true;
  searchWanted.value += 1;
}
