// Where a panel would be put.
import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("window", { matchMedia: () => ({ matches: false }), innerWidth: 1280 });

const { moveOf, placeAt, stepAtEdge } = await import("./reorder.ts");
const { setPanels } = await import("../state/store.ts");

const box = (left: number, top: number) => ({ left, top, right: left + 100, bottom: top + 50 });

describe("a panel that is let go", () => {
  it("goes from where it is by then, and nowhere if it is gone or there already", () => {
    setPanels(["b", "c"]);
    expect([moveOf("c", 0), moveOf("c", 1), moveOf("a", 1), moveOf(undefined, 1)]).toEqual([[1, 0], null, null, null]);
  });
});

describe("the place of a dragged panel", () => {
  it("is that of the panel under the pointer, in one column and in two", () => {
    const column = [box(0, 0), box(0, 60), box(0, 120)];
    expect([10, 70, 130].map((y) => placeAt(column, 50, y))).toEqual([0, 1, 2]);
    const grid = [box(0, 0), box(110, 0), box(0, 60), box(110, 60)];
    expect([placeAt(grid, 150, 20), placeAt(grid, 20, 80), placeAt(grid, 150, 80)]).toEqual([1, 2, 3]);
  });
  it("is the next one's beside all of them", () => {
    const column = [box(0, 0), box(0, 60)];
    expect([placeAt(column, 50, -500), placeAt(column, 50, 900), placeAt(column, 400, 70)]).toEqual([0, 1, 1]);
  });
  it("comes nearer at the edges of the window", () => {
    const pane = { top: 100, bottom: 700 };
    expect([stepAtEdge(90, pane) < 0, stepAtEdge(400, pane), stepAtEdge(690, pane) > 0]).toEqual([true, 0, true]);
  });
});
