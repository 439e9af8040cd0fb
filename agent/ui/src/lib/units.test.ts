import { describe, expect, it } from "vitest";
import { axisFormatter, formatValue } from "./units.ts";

describe("values", () => {
  it.each([
    [0, "bytes", "0\u00a0B"],
    [1536, "bytes", "1.5\u00a0KiB"],
    [134217728, "bytes", "128\u00a0MiB"],
    [1048576, "bytes/s", "1\u00a0MiB/s"],
    [0.2134, "cores", "0.213\u00a0cores"],
    [12.34, "percent", "12.3\u00a0%"],
    [1500, "usec", "1.5\u00a0ms"],
    [350000, "usec/s", "350\u00a0ms/s"],
    [2, "1/s", "2/s"],
    [3600, "count", "3\u202f600"],
    [1250000, "count", "1.25\u00a0M"],
    [1420, "milli", "1.42"],
    [0.00001, "cores", "0.00001\u00a0cores"],
    [3, "widgets", "3\u00a0widgets"],
    [3, "constructor", "3\u00a0constructor"],
  ])("%d %s", (value, unit, text) => expect(formatValue(value, unit)).toBe(text));

  it("has no number for what is absent", () => {
    expect(formatValue(null, "bytes")).toBe("–");
    expect(formatValue(Number.NaN, "cores")).toBe("–");
  });
});

describe("ticks", () => {
  it("share one scale and have the decimals that they need", () => {
    expect(axisFormatter("bytes")([0, 524288, 1048576])).toEqual(["0.0\u00a0MiB", "0.5\u00a0MiB", "1.0\u00a0MiB"]);
    expect(axisFormatter("cores")([0, 0.25, 0.5])).toEqual(["0.00", "0.25", "0.50"]);
    expect(axisFormatter("percent")([0, 50, 100])).toEqual(["0\u00a0%", "50\u00a0%", "100\u00a0%"]);
    expect(axisFormatter("1/s")([])).toEqual([]);
  });
});
