import { describe, expect, it } from "vitest";
import { formatOther, pairOf, parseOther } from "./asked-pair.ts";

const RANGE = { from: 10_000_000, to: 13_600_000 };
const NEVER = () => null;

describe("what is compared", () => {
  it.each(["before", "-1d", "with:abc", "starts:abc", "2026-11-23T04:00:00Z/2026-11-23T05:00:00Z"])("is in the link: %s", (text) =>
    expect(formatOther(parseOther(text)!)).toBe(text));

  it.each(["", "x", "-", "-x", "with:", "2026-11-23T04:00:00Z", "2026-11-23T04:00:00Z/2026-11-23T03:00:00Z"])("is not: %s", (text) =>
    expect(parseOther(text)).toBeNull());

  it("is the same length right before, or some time earlier", () => {
    expect(pairOf("a", RANGE, { kind: "before" }, NEVER).other).toEqual({ container: "a", range: { from: 6_400_000, to: 10_000_000 } });
    expect(pairOf("a", RANGE, { kind: "earlier", by: "1h" }, NEVER).other.range).toEqual({ from: 6_400_000, to: 10_000_000 });
  });

  it("is the node at two times, whatever container the link has", () => {
    const other = { container: null, range: { from: 6_400_000, to: 10_000_000 } };
    expect(pairOf(null, RANGE, { kind: "before" }, NEVER)).toEqual({ one: { container: null, range: RANGE }, other });
    expect(pairOf(null, RANGE, { kind: "container", id: "b", clock: "starts" }, NEVER).other).toEqual(other);
  });

  it("is another container at the same time, or each from its start on", () => {
    expect(pairOf("a", RANGE, { kind: "container", id: "b", clock: "same" }, NEVER).other).toEqual({ container: "b", range: RANGE });
    const starts = pairOf("a", RANGE, { kind: "container", id: "b", clock: "starts" }, (id) => (id === "a" ? 1000 : 2000));
    expect(starts.one.range).toEqual({ from: 1000, to: 3_601_000 });
    expect(starts.other.range).toEqual({ from: 2000, to: 3_602_000 });
  });
});
