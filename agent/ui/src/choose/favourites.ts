// The reader's favourite metrics; they stay in the browser and are listed first.
import { signal } from "@preact/signals";

const KEPT_AS = "fgm.favourites";
const MOST = 200;

export const favourites = signal<ReadonlySet<string>>(new Set(readKept()));

export function toggleFavourite(metric: string): void {
  const next = new Set(favourites.peek());
  if (!next.delete(metric)) next.add(metric);
  favourites.value = next;
  try {
    localStorage.setItem(KEPT_AS, JSON.stringify([...next].slice(-MOST)));
  } catch {
    // Without storage favourites last as long as the page.
  }
}

function readKept(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEPT_AS) ?? "[]");
    return Array.isArray(kept) ? kept.filter((name) => typeof name === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}
