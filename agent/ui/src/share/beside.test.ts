import { readFileSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Range } from "../data/api.ts";
import { Failure } from "../data/failure.ts";
import type { Container } from "../data/types.ts";

interface Side extends Range {
  key: string;
}

interface Vectors {
  range: Range;
  containers: { id: string; first_seen: string }[];
  cases: { link: string; comparison: { one: Side; other: Side; verdict: string | null } | null; processes_at: number | null }[];
}

// Read, not imported: the viewer is built where the rest of the repository is not.
const vectors: Vectors = JSON.parse(readFileSync(new URL("../../../../docs/shared-file.json", import.meta.url), "utf8"));

vi.stubGlobal("window", { matchMedia: () => ({ matches: false }), innerWidth: 1280 });
vi.stubGlobal("document", { getElementById: () => null });
const { comparedIn, comparisonKeys, putProcesses, unlessItFails } = await import("./beside.ts");
const { containerList, containersKnown, drawer, notices, setContainers, showView } = await import("../state/store.ts");
const { asksProcesses, momentOf, namedMoment } = await import("../processes/moment.ts");
const { parseLink } = await import("../lib/link.ts");

afterEach(() => { notices.value = []; });

describe("what a shared file has beside its charts", () => {
  it.each(vectors.cases)("has the keys of docs/shared-file.json: $link", ({ link, comparison, processes_at }) => {
    containerList.value = vectors.containers.map(({ id, first_seen }) => ({ id, first_seen }) as Container);
    containersKnown.value = true;
    drawer.value = null;
    showView(parseLink(link).view);
    const compared = comparedIn(vectors.range);
    const found = compared && comparisonKeys(compared.metric, compared.pair);
    const side = (part: "one" | "other") => ({ key: found![part], ...compared!.pair[part].range });
    expect(found && { one: side("one"), other: side("other"), verdict: found.verdict }).toEqual(comparison);
    expect(asksProcesses.value ? momentOf(vectors.range, namedMoment()) : null).toBe(processes_at);
  });
});

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
