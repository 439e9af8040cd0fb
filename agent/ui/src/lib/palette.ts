// The colour of a series: the same for a container each time it is seen, on light and on dark ground. Ten colours that
// keep apart also without red, green or blue cones, each with a contrast of 4.5 and more against its ground.

export interface Colour {
  light: string;
  dark: string;
}

export const LIGHT_GROUND = "#ffffff";
export const DARK_GROUND = "#161a1f";

export const PALETTE: readonly Colour[] = [
  { light: "#1d3fb3", dark: "#929aff" },
  { light: "#e8184c", dark: "#ee8300" },
  { light: "#207c29", dark: "#68e3b1" },
  { light: "#a72578", dark: "#ce56b1" },
  { light: "#664300", dark: "#fbf300" },
  { light: "#027cc1", dark: "#9dffff" },
  { light: "#740844", dark: "#f13465" },
  { light: "#7b0af2", dark: "#786eff" },
  { light: "#4a2100", dark: "#ffb94f" },
  { light: "#20187f", dark: "#b8c1ff" },
];

export function colourOf(id: string): Colour {
  return PALETTE[slotOf(id)]!;
}

/**
 * A place in the palette for each id. Where two ids mean the same place, the later one gets the next that is free, so
 * adding a container changes no colour that is already on the screen.
 */
export function assignColours(ids: Iterable<string>): Map<string, number> {
  const slots = new Map<string, number>();
  const taken = new Set<number>();
  for (const id of ids) {
    if (slots.has(id)) continue;
    let slot = slotOf(id);
    while (taken.has(slot) && taken.size < PALETTE.length) slot = (slot + 1) % PALETTE.length;
    taken.add(slot);
    slots.set(id, slot);
  }
  return slots;
}

function slotOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) {
    hash ^= id.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return ((hash ^ (hash >>> 15)) >>> 0) % PALETTE.length;
}
