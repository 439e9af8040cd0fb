import { describe, expect, it } from "vitest";
import type { Finding, StudyReply } from "../data/types.ts";
import { onlyAbout, setForAll } from "./related.ts";

const finding = (sentence: string): Finding => ({ kind: "follows", severity: "info", from: "", to: "", confidence: 1, sentence, measures: {} });
const reply: StudyReply = { study: "correlate", from: "", to: "", notes: [], series: [{ readings: 1, step_ms: 1000, notes: [], findings: [
  finding("cart-1/app cpu_usage_cores follows 4 s later"), finding("cart-1/app2 cpu_usage_cores moves"), finding("0123456789ab cpu_usage_cores leads"),
] }] };

describe("related series of one container", () => {
  it("are found by the name that the study gives it", () => {
    const found = (container: Parameters<typeof onlyAbout>[1]) => onlyAbout(reply, container).series[0]!.findings.length;
    expect(found({ id: "x", pod: "cart-1", container: "app" })).toBe(1);
    expect(found({ id: "0123456789abcdef", pod: null, container: null })).toBe(1);
    expect(found({ id: "y", pod: "cart", container: "app" })).toBe(0);
  });
  it("are looked for among all", () => {
    expect(setForAll(["limit:3", "max_lag:9"])).toEqual(["max_lag:9", "limit:1000"]);
    expect(setForAll()).toEqual(["limit:1000"]);
  });
});
