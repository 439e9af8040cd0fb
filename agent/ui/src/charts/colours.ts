// The colour of each line: by what it is of, so that a container has one colour in all panels. Beyond the palette's
// length, dashes keep lines apart.
import { computed } from "@preact/signals";
import { assignColours, colourOf, PALETTE } from "../lib/palette.ts";
import { resolvedContainers } from "../state/names.ts";
import { theme } from "../state/theme.ts";

const slots = computed(() => assignColours(resolvedContainers.value.ids));
const orders = computed(() => new Map(resolvedContainers.value.ids.map((id, at) => [id, at])));

export function lineColour(owner: string): string {
  const slot = slots.value.get(owner);
  const colour = slot === undefined ? colourOf(owner) : PALETTE[slot % PALETTE.length]!;
  return colour[theme.value];
}

export function lineDash(owner: string): number[] {
  const round = Math.floor((orders.value.get(owner) ?? 0) / PALETTE.length) % 3;
  return round === 0 ? [] : round === 1 ? [6, 3] : [2, 3];
}

const read = { theme: "", colours: new Map<string, string>() };

/** A colour of the style sheet, for what is drawn into a canvas. Kept, because reading it has the page laid out. */
export function themeColour(name: string): string {
  const now = theme.peek();
  if (read.theme !== now) {
    read.theme = now;
    read.colours.clear();
  }
  let colour = read.colours.get(name);
  if (colour === undefined) {
    colour = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    if (colour !== "") read.colours.set(name, colour);
  }
  return colour;
}
