import { afterEach, describe, expect, it, vi } from "vitest";
import { Failure } from "../data/failure.ts";
import type { Container } from "../data/types.ts";

vi.stubGlobal("window", { matchMedia: () => ({ matches: false }), innerWidth: 1280 });
vi.stubGlobal("document", { getElementById: () => null });
const { putProcesses, unlessItFails } = await import("./beside.ts");
const { containerList, containersKnown, drawer, notices, setContainers } = await import("../state/store.ts");

afterEach(() => { notices.value = []; });

describe("a part of a shared file that cannot be got", () => {
  it("is told, and keeps nothing else from being saved", async () => {
    await unlessItFails("comparison", Promise.reject(new Failure("busy", "The agent is busy.")));
    expect(notices.value).toEqual(["The file has no comparison: The agent is busy."]);
  });
  it("is not told to who gave up", async () => {
    await expect(unlessItFails("processes", Promise.reject(new DOMException("", "AbortError")))).rejects.toThrow();
    expect(notices.value).toEqual([]);
  });
  it("is left out as a whole", async () => {
    containerList.value = ["aaaaaa", "bbbbbb"].map((id) => ({ id }) as Container);
    containersKnown.value = true;
    setContainers(["aaaaaa", "bbbbbb"]);
    drawer.value = "processes";
    const replies = {};
    vi.stubGlobal("fetch", async (address: string) => new Response("{}", { status: address.includes("bbbbbb") ? 404 : 200 }));
    await expect(putProcesses(replies)).rejects.toThrow();
    expect(replies).toEqual({});
    vi.stubGlobal("fetch", async () => new Response("{}"));
    await putProcesses(replies);
    expect(Object.keys(replies)).toHaveLength(2);
  });
});
