import { beforeEach, describe, expect, it, vi } from "vitest";

beforeEach(() => vi.resetModules());

/** The page of a file with answers under these keys. */
async function lackIn(...keys: string[]): Promise<string | null> {
  const replies = Object.fromEntries(keys.map((key) => [key, { series: [] }]));
  vi.stubGlobal("window", { innerWidth: 1280 });
  vi.stubGlobal("document", { getElementById: () => ({ textContent: JSON.stringify({ version: 1, from: 0, to: 1, now: 1, replies }) }) });
  return (await import("./held.ts")).lackSentence();
}

describe("a shared file", () => {
  it("says what it lacks", async () => {
    expect(await lackIn()).toBe("This is a saved view. It has no processes and no comparison.");
  });
  it("says nothing where it lacks nothing", async () => {
    expect(await lackIn("/api/processes?at=1&container=a", "/api/timeseries?metric=m&part=other")).toBeNull();
  });
});
