import { describe, expect, it } from "vitest";
import type { Finding, StudyReply } from "../data/types.ts";
import { notesOf, ordered, rangeAround } from "./order.ts";

function finding(severity: Finding["severity"], minute: number): Finding {
  const at = (plus: number) => new Date(Date.UTC(2026, 10, 23, 8, minute + plus)).toISOString();
  return { kind: "x", severity, from: at(0), to: at(4), confidence: 1, sentence: `${severity} ${minute}`, measures: {} };
}

const REPLY: StudyReply = {
  study: "x", from: "", to: "", notes: ["few"],
  series: [
    { readings: 1, step_ms: 1000, notes: ["gaps"], findings: [finding("info", 1), finding("critical", 9)] },
    { readings: 1, step_ms: 1000, notes: ["gaps"], findings: [finding("warning", 5), finding("warning", 2)] },
  ],
};

describe("findings", () => {
  it("stand by gravity, then by time", () => {
    expect(ordered(REPLY).map(({ finding: one }) => one.sentence)).toEqual(["critical 9", "warning 2", "warning 5", "info 1"]);
  });

  it("have each note once", () => expect(notesOf(REPLY)).toEqual(["few", "gaps (2 series)"]));

  it("are looked at with a margin", () => {
    const { from, to } = rangeAround(finding("info", 0), 1000);
    expect(to - from).toBe(6 * 60_000);
    const point = { ...finding("info", 0), to: finding("info", 0).from };
    const around = rangeAround(point, 1000);
    expect(around.to - around.from).toBe(60_000);
  });
});
