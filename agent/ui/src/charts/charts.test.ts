// What a chart shows, without a canvas.
import { describe, expect, it, vi } from "vitest";

vi.stubGlobal("window", { matchMedia: () => ({ matches: false }), innerWidth: 1280 });

const { fitted } = await import("./fit.ts");
const { limitOf } = await import("./limits.ts");
const { boundsOf, extended, linesOf, valueAt } = await import("./lines.ts");
const { briefly, cellsOf, markOf, marksNear } = await import("./marks.ts");
const { overlaysOf } = await import("./overlays.ts");
const { tickTexts } = await import("./time-axis.ts");
const { studyOf, studyText } = await import("../state/view.ts");

const raw = { metric: "m", unit: "bytes", resolution: "raw" as const, container: "c", t: [1000, 2000, 3000, 4000], v: [1, 2, null, 8] };
const buckets = { metric: "m", unit: "bytes", resolution: "bucket" as const, width_ms: 1000, container: "c",
  t: [0, 1000], min: [1, 2], max: [5, 9], mean: [2, 4] };

describe("lines", () => {
  it("stand in the middle of their buckets", () => {
    expect(linesOf([buckets])[0]).toMatchObject({ t: [500, 1500], mid: [2, 4], low: [1, 2], high: [5, 9] });
  });
  it("have no value in a gap, and none far from a reading", () => {
    const line = linesOf([raw])[0]!;
    expect(valueAt(line, 2100, 2500)?.value).toBe(2);
    expect(valueAt(line, 3000, 2500)).toBeNull();
    expect(valueAt(line, 9000, 2500)).toBeNull();
  });
  it("take newer points once, into arrays of their own", () => {
    const line = linesOf([raw])[0]!;
    const more = { ...raw, t: [4000, 5000], v: [8, 3] };
    const longer = extended(extended(line, more, 0), more, 0);
    expect(longer.t).toEqual([1000, 2000, 3000, 4000, 5000]);
    expect(raw.t).toHaveLength(4);
  });
  it("drop points from long before the range", () => {
    const longer = extended(linesOf([raw])[0]!, { ...raw, t: [5000], v: [3] }, 4000);
    expect(longer.t).toEqual([3000, 4000, 5000]);
  });
  it("know their least and largest of what is visible", () => {
    expect(boundsOf(linesOf([raw])[0]!, 1500, 3500)).toEqual({ low: 2, high: 2 });
    expect(boundsOf(linesOf([buckets])[0]!, 0, 2000)).toEqual({ low: 1, high: 9 });
    expect(boundsOf(linesOf([raw])[0]!, 5000, 6000)).toBeNull();
  });
});

describe("an axis", () => {
  const flat = (value: number) => linesOf([{ ...raw, v: [value, value, value, value] }]);
  it("begins at 0 where values are not close together", () => {
    expect(fitted(linesOf([raw]), [], 0, 5000).min).toBe(0);
  });
  it("looks closely at values far from 0", () => {
    expect(fitted(flat(1000), [], 0, 5000).min).toBeGreaterThan(0);
  });
  it("has a limit inside when that does not flatten the values", () => {
    expect(fitted(flat(100), flat(150), 0, 5000).max).toBeGreaterThan(150);
    expect(fitted(flat(100), flat(1000), 0, 5000).max).toBeLessThan(200);
  });
  it("is never empty", () => {
    expect(fitted([], [], 0, 1)).toEqual({ min: 0, max: 1 });
    const zero = fitted(flat(0), [], 0, 5000);
    expect(zero.max).toBeGreaterThan(zero.min);
  });
  it("has texts as fine as its ticks", () => {
    const noon = new Date(2026, 10, 2, 12, 0, 0).getTime();
    expect(tickTexts([noon, noon + 60_000], 60_000)).toEqual(["12:00", "12:01"]);
    expect(tickTexts([noon], 1000)).toEqual(["12:00:00"]);
    const midnight = new Date(2026, 10, 3).getTime();
    expect(tickTexts([midnight - 3_600_000, midnight], 3_600_000)).toEqual(["23:00", "11-03"]);
  });
});

describe("limits", () => {
  it("belong to metrics of containers and of pods", () => {
    expect([limitOf("cpu_usage_cores"), limitOf("pods.memory_current_bytes"), limitOf("io_bytes_per_second"), limitOf("constructor")])
      .toEqual(["cpu_limit_cores", "pods.memory_max_bytes", null, null]);
  });
});

describe("marks", () => {
  it("of throttling that ended reach back over its length", () => {
    const mark = markOf({ time: "2026-11-02T10:00:10Z", kind: "throttling_end", message: "", duration_usec: 4_000_000 });
    expect(mark.endMs - mark.atMs).toBe(4000);
    expect(marksNear([mark], mark.atMs + 2000, 1)).toHaveLength(1);
    expect(marksNear([mark], mark.endMs + 1000, 1)).toHaveLength(0);
  });
  it("of one second are one, which is the gravest of them", () => {
    const of = (kind: string) => markOf({ time: "2026-11-02T10:00:10Z", kind, message: "" });
    for (const kinds of [["oom_kill", "container_stop", "container_start"], ["container_start", "container_stop", "oom_kill"]]) {
      const marks = kinds.map(of);
      const [cell, ...others] = cellsOf(marks, 1000).values();
      expect(others).toEqual([]);
      expect([cell!.worst.event.kind, cell!.count]).toEqual(["oom_kill", 3]);
      expect(marksNear(marks, marks[0]!.atMs, 100)[0]!.event.kind).toBe("oom_kill");
    }
  });
  it("of an unknown kind are shown all the same", () => {
    expect(markOf({ time: "2026-11-02T10:00:10Z", kind: "constructor", message: "" }).shape).toBe("dot");
  });
  it("are told without long paths", () => {
    expect(briefly(`container /kubepods.slice/${"x".repeat(60)}abc.scope appeared`)).toBe("container …xxxxxxxxxabc.scope appeared");
  });
});

describe("studies", () => {
  it("survive the link, also with colons in a container's id", () => {
    for (const chosen of [{ study: "oom", panel: undefined, container: undefined }, { study: "trend", panel: "m", container: undefined },
      { study: "oom", panel: undefined, container: "/a:b:c" }, { study: "compare", set: ["same_percent:2"], with: "/d:e" },
      { study: "trend", panel: "m", container: "c", set: ["a:1", "b:2"] }]) expect(studyOf(studyText(chosen))).toEqual(chosen);
  });
  it("are shown on the panel of their metric, those of containers on all", () => {
    const finding = { kind: "k", severity: "info" as const, from: "2026-11-02T10:00:00Z", to: "2026-11-02T11:00:00Z", confidence: 1, sentence: "", measures: {} };
    const reply = (metric?: string) => ({ study: "s", from: "", to: "", notes: [], series: [{ metric, readings: 1, step_ms: 1, findings: [finding], notes: [] }] });
    const studied = (metric?: string) => [{ text: "s", chosen: { study: "s" }, loading: false, problem: null, question: null, reply: reply(metric) }];
    expect(overlaysOf(studied("m"), "m")).toHaveLength(1);
    expect(overlaysOf(studied("m"), "other")).toHaveLength(0);
    expect(overlaysOf(studied(), "other")).toHaveLength(1);
  });
});
