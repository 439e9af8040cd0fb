import { describe, expect, it } from "vitest";
import { Zooms } from "./zooms.ts";

describe("zooms", () => {
  it("go back and forward, and a new one forgets what was ahead", () => {
    const zooms = new Zooms();
    expect(zooms.back()).toBeNull();
    zooms.push({ from: 0, to: 100 });
    zooms.push({ from: 10, to: 50 });
    zooms.push({ from: 10, to: 50 });
    zooms.push({ from: 20, to: 30 });
    expect(zooms.back()).toEqual({ from: 10, to: 50 });
    expect(zooms.back()).toEqual({ from: 0, to: 100 });
    expect(zooms.canBack).toBe(false);
    expect(zooms.forward()).toEqual({ from: 10, to: 50 });
    zooms.push({ from: 40, to: 45 });
    expect(zooms.forward()).toBeNull();
    expect(zooms.back()).toEqual({ from: 10, to: 50 });
  });

  it("are bounded", () => {
    const zooms = new Zooms();
    for (let from = 0; from < 500; from += 1) zooms.push({ from, to: from + 1 });
    let steps = 0;
    while (zooms.back()) steps += 1;
    expect(steps).toBe(99);
  });
});
