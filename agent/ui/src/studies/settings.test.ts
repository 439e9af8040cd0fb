import { describe, expect, it } from "vitest";
import type { Study } from "../data/types.ts";
import { settingsOf } from "./settings.ts";

const parameter = (name: string, value: number) => ({ name, help: "", default: value, min: 0, max: 10 });
const STUDY: Study = { id: "s", name: "S", description: "", looks_at: "metric", parameters: [parameter("least_sigmas", 1), parameter("limit", 5)] };

describe("settings of a study", () => {
  it("are what differs from the defaults", () => {
    expect(settingsOf(STUDY, { "s.least_sigmas": " 2.5 ", "s.limit": "5.0", "other.limit": "7" })).toEqual(["least_sigmas:2.5"]);
    expect(settingsOf(STUDY, { "s.limit": "" })).toEqual([]);
  });
  it("are refused with their bounds", () => {
    for (const text of ["eleven", "11", "-1", "NaN"]) {
      expect(settingsOf(STUDY, { "s.least_sigmas": text })).toBe("Least sigmas is a number from 0 to 10.");
    }
  });
});
