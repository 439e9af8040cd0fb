import { describe, expect, it } from "vitest";
import { assignColours, colourOf, DARK_GROUND, LIGHT_GROUND, PALETTE } from "./palette.ts";

function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

function contrast(one: string, other: string): number {
  const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (high! + 0.05) / (low! + 0.05);
}

describe("colours", () => {
  it("stand out from their ground", () => {
    for (const { light, dark } of PALETTE) {
      expect(contrast(light, LIGHT_GROUND)).toBeGreaterThanOrEqual(4.5);
      expect(contrast(dark, DARK_GROUND)).toBeGreaterThanOrEqual(4.5);
    }
  });

  it("are the same each time, and differ as long as there are enough", () => {
    expect(colourOf("abc")).toBe(colourOf("abc"));
    const ids = PALETTE.map((_, index) => `container-${index}`);
    const slots = assignColours(ids);
    expect(new Set(slots.values()).size).toBe(PALETTE.length);
    const more = assignColours([...ids, "another", "and-another"]);
    for (const id of ids) expect(more.get(id)).toBe(slots.get(id));
    expect(more.get("another")).toBeLessThan(PALETTE.length);
  });
});
