import { describe, expect, it, vi } from "vitest";
import type { Container, Series } from "../data/types.ts";

vi.stubGlobal("window", { matchMedia: () => ({ matches: false }), innerWidth: 1280 });
const { askedOther, sidesOf } = await import("./comparison.ts");
const { containerList, showView, view } = await import("../state/store.ts");

function ofDevice(device: string): Series {
  return { metric: "m", unit: "", resolution: "raw", device, t: [], v: [] };
}
const [a, b, c] = ["a", "b", "c"].map(ofDevice) as [Series, Series, Series];

function verdictOf(device: string) {
  return { device, readings: 1, step_ms: 1, notes: [], findings: [{ kind: device, severity: "info" as const, from: "", to: "", confidence: 1, sentence: "", measures: {} }] };
}

describe("the two sides", () => {
  const compared = { one: [a, b], other: [c], verdicts: [verdictOf("c")], notes: [] };
  it("have one name where a side has several series", () => {
    expect(sidesOf({ ...compared, other: [b, c] }, "b")).toMatchObject({ one: b, other: b, verdict: null });
    expect(sidesOf(compared, "a")).toMatchObject({ one: a, other: undefined, verdict: null });
  });
  it("are the only series of each else, whatever their names are", () => {
    expect(sidesOf({ ...compared, one: [a] }, "a")).toMatchObject({ one: a, other: c, verdict: { kind: "c" } });
  });
});

describe("the other container", () => {
  it("has its whole id where the link has the begin of it", () => {
    containerList.value = [{ id: "0123456789abcdef" } as Container];
    const asked = (compare: string) => {
      showView({ ...view.peek(), extra: { compare } });
      return askedOther();
    };
    expect(asked("with:01234567")).toEqual({ kind: "container", id: "0123456789abcdef", clock: "same" });
    expect(asked("starts:fedcba98")).toEqual({ kind: "container", id: "fedcba98", clock: "starts" });
  });
});
