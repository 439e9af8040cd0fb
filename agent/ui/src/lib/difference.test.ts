import { describe, expect, it } from "vitest";
import { aligned, differences, figuresOf, merged, thinned } from "./difference.ts";

const ONE = { t: [1000, 2000, 3000, 4000, 5000], v: [1, 2, null, 3, 4] };

describe("figures", () => {
  it("are mean, quantiles as the API has them, and the largest", () => {
    const figures = figuresOf(ONE);
    expect(figures.mean).toBe(2.5);
    expect(figures.p50).toBe(2.5);
    expect(figures.p95).toBeCloseTo(3.85);
    expect(figures.max).toBe(4);
  });

  it("take the largest of buckets from their readings", () => {
    expect(figuresOf({ t: [0, 1], mean: [1, 3], max: [9, 5] })).toMatchObject({ mean: 2, max: 9 });
  });

  it("are absent without a value", () => {
    expect(figuresOf(undefined).mean).toBeNull();
    expect(figuresOf({ t: [1], v: [null] }).max).toBeNull();
  });
});

describe("differences", () => {
  it("are the other less the one, in percent of the one", () => {
    const [mean] = differences(ONE, { t: [1], v: [5] });
    expect(mean).toEqual({ name: "mean", one: 2.5, other: 5, change: 2.5, percent: 100 });
    expect(differences({ t: [1], v: [0] }, ONE)[0]?.percent).toBeNull();
    expect(differences(ONE, undefined)[0]).toMatchObject({ other: null, change: null });
  });
});

describe("two series", () => {
  it("are thinned to means, and gaps stay", () => {
    const many = { t: [0, 10, 20, 30, 40, 50], v: [1, 3, null, null, 5, null] };
    expect(thinned(many, 60, 3)).toEqual({ t: [0, 20, 40], v: [2, null, 5] });
    expect(thinned(many, 60, 6)).toBe(many);
  });

  it("lie beside each other from their own starts on", () => {
    const one = aligned(ONE, 1000);
    const other = aligned({ t: [10_000, 11_500], mean: [7, 8] }, 10_000);
    expect(one.t).toEqual([0, 1000, 2000, 3000, 4000]);
    expect(merged(one, other)).toEqual({
      t: [0, 1000, 1500, 2000, 3000, 4000],
      one: [1, 2, undefined, null, 3, 4],
      other: [7, undefined, 8, undefined, undefined, undefined],
    });
  });
});
