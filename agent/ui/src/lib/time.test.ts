import { describe, expect, it } from "vitest";
import { durationMs, formatDuration, formatMoment, formatTime, parseTime, toRfc3339, withLocalTimes } from "./time.ts";

const NOW = Date.parse("2026-11-23T08:00:00Z");

describe("times", () => {
  it("reads what the API and people write", () => {
    expect(parseTime("2026-11-23T04:00:00Z")).toBe(Date.parse("2026-11-23T04:00:00Z"));
    expect(parseTime("2026-11-23T04:00:00.123456+01:00")).toBe(Date.parse("2026-11-23T03:00:00.123Z"));
    expect(parseTime("1795406400000")).toBe(1795406400000);
    expect(parseTime("now", NOW)).toBe(NOW);
    expect(parseTime("-15m", NOW)).toBe(NOW - 900_000);
    expect(parseTime("2026-11-23 04:05")).toBe(new Date(2026, 10, 23, 4, 5).getTime());
    expect(parseTime("04:05", NOW)).toBe(new Date(NOW).setHours(4, 5, 0, 0));
  });

  it.each(["", "soon", "2026-02-30", "25:00", "-15", "-x", "2026-11-23T4", "12"])("is no time: %s", (text) =>
    expect(parseTime(text)).toBeNull());

  it("writes as exactly as the span needs", () => {
    const ms = new Date(2026, 10, 23, 4, 5, 6, 70).getTime();
    expect(formatTime(ms, 5_000)).toBe("04:05:06.070");
    expect(formatTime(ms, 3_600_000)).toBe("04:05:06");
    expect(formatTime(ms, 86_400_000)).toBe("11-23 04:05:06");
    expect(formatTime(ms, 7 * 86_400_000)).toBe("2026-11-23 04:05");
    expect(toRfc3339(NOW)).toBe("2026-11-23T08:00:00Z");
  });
});

describe("the agent's sentences", () => {
  it("have the page's times", () => {
    const [begin, end] = ["2026-11-02T07:33:50Z", "2026-11-02T07:33:51.250Z"].map((text) => formatMoment(Date.parse(text)));
    expect(withLocalTimes("at 2026-11-02T07:33:50Z it ended; at 2026-11-02T07:33:51.250Z, again")).toBe(`at ${begin} it ended; at ${end}, again`);
    expect(withLocalTimes("2026-11-02 is a day")).toBe("2026-11-02 is a day");
  });
});

describe("durations", () => {
  it("reads and writes them", () => {
    expect(durationMs("15m")).toBe(900_000);
    expect(durationMs("1.5h")).toBe(5_400_000);
    expect(durationMs("0s")).toBeNull();
    expect(durationMs("m")).toBeNull();
    expect(formatDuration(250)).toBe("250ms");
    expect(formatDuration(1500)).toBe("1.5s");
    expect(formatDuration(90_000)).toBe("1m 30s");
    expect(formatDuration(86_400_000)).toBe("1d");
    expect(formatDuration(86_405_000)).toBe("1d");
    expect(formatDuration(59_999)).toBe("1m");
  });
});
