import { afterEach, describe, expect, it, vi } from "vitest";
import type { Series } from "../data/types.ts";
import { csvParts, metricCsv, rowsExpected, tooMany } from "./metric-csv.ts";

const raw: Series = {
  metric: "cpu_usage_cores", unit: "cores", resolution: "raw", container: "aa", container_name: "server", namespace: "shop", pod: "cart", pod_uid: "u",
  t: [0, 1000], v: [0.5, null],
};

afterEach(() => vi.unstubAllGlobals());

describe("one metric as comma-separated values", () => {
  it("has a row per reading, and nothing in a gap", () => {
    expect(csvParts([raw]).join("")).toBe("time,namespace,pod,container,container_id,cpu_usage_cores\n"
      + "1970-01-01T00:00:00.000Z,shop,cart,server,aa,0.5\n1970-01-01T00:00:01.000Z,shop,cart,server,aa,\n");
  });
  it("says where minutes were summed up", () => {
    const minutes: Series = { metric: "node.load", unit: "", resolution: "60s", width_ms: 60_000, node: "n", t: [0], min: [1], mean: [2], max: [3] };
    expect(csvParts([minutes]).join("")).toBe("time,node.load,min,max,width_ms\n1970-01-01T00:00:00.000Z,2,1,3,60000\n");
  });
  it("quotes names that would break a row, and names what only some have", () => {
    const text = csvParts([{ ...raw, pod: 'a,"b"\n' }, { ...raw, pod: undefined, device: "sda" }]).join("");
    expect(text).toContain('shop,"a,""b""\n",server,aa,,0.5\n');
    expect(text).toContain("shop,,server,aa,sda,0.5\n");
  });
  it("has no name that a spreadsheet takes for a formula", () => {
    const text = csvParts([{ ...raw, container_name: "=1+1", pod: "+a", namespace: "-b", device: "@c" }]).join("");
    expect(text).toContain("Z,'-b,'+a,'=1+1,aa,'@c,0.5\n");
  });
  it("has a pod once that two of its containers are in, and a process of the same id twice", async () => {
    const pod = { ...raw, container: undefined, container_name: undefined };
    const processes = ["bash", "bash"].map((comm) => ({ ...raw, pid: "7", comm }));
    vi.stubGlobal("document", { getElementById: () => null });
    vi.stubGlobal("fetch", async () => new Response(JSON.stringify({ from: 0, to: 2, series: [pod, ...processes], notes: [] })));
    const question = { metric: "m", ids: ["aa", "bb"], range: { from: 0, to: 2 } };
    const text = [...await metricCsv(question, () => undefined, new AbortController().signal)].join("");
    expect([text.match(/,cart,,,,,/g)?.length, text.match(/,7,bash,/g)?.length]).toEqual([2, 4]);
  });
  it("is refused before it is asked for where it is too much", () => {
    const day = { metric: "m", ids: Array.from({ length: 20 }, String), range: { from: 0, to: 86_400_000 } };
    expect(tooMany(rowsExpected(day, 1000))).toMatch(/1\.7 million rows/);
    expect(tooMany(rowsExpected({ ...day, ids: null }, 1000))).toBeNull();
  });
});
