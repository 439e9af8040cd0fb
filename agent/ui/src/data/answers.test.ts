// What is kept, waited for, cut and shared between the page and the agent.
import { afterEach, describe, expect, it, vi } from "vitest";
import { cutTimeseries, embeddedKey, EmbeddedSource, lowerBound } from "./embedded.ts";
import { Failure, sentenceOf } from "./failure.ts";
import { HttpSource, keepAnswersBefore } from "./http.ts";
import { queryText } from "./query.ts";
import { RecentReplies } from "./recent.ts";
import { Turns } from "./turns.ts";
import type { Timeseries } from "./types.ts";

afterEach(() => vi.unstubAllGlobals());

function answer(status: number, reply: unknown): Response {
  return new Response(JSON.stringify(reply), { status });
}

describe("a question as text", () => {
  it("is the same whatever the order of its parameters", () => {
    expect(queryText({ to: 2, from: 1, metric: ["b", "a"] })).toBe(queryText({ metric: ["b", "a"], from: 1, to: 2 }));
  });
  it("leaves out what is undefined or empty and encodes the rest", () => {
    expect(queryText({ a: undefined, b: "", c: [], d: "x&y=z" })).toBe("d=x%26y%3Dz");
  });
});

describe("recent replies", () => {
  it("drop the one that was used least recently", () => {
    const recent = new RecentReplies(100);
    recent.put("a", 1, 40);
    recent.put("b", 2, 40);
    recent.get("a");
    recent.put("c", 3, 40);
    expect([recent.get("a"), recent.get("b"), recent.get("c")]).toEqual([1, undefined, 3]);
  });
  it("do not keep what is larger than half of all", () => {
    const recent = new RecentReplies(100);
    recent.put("a", 1, 51);
    expect(recent.get("a")).toBeUndefined();
  });
});

describe("turns", () => {
  it("let at most so many run, and forget who gave up", async () => {
    const turns = new Turns(1);
    const ran: string[] = [];
    let end = () => {};
    const first = turns.take(() => new Promise<void>((resolve) => (end = resolve)));
    const left = new AbortController();
    const second = turns.take(async () => void ran.push("second"), left.signal);
    const third = turns.take(async () => void ran.push("third"));
    left.abort();
    await expect(second).rejects.toThrow();
    end();
    await first;
    await third;
    expect(ran).toEqual(["third"]);
  });
});

describe("answers over HTTP", () => {
  it("ask once for equal questions at the same time", async () => {
    const fetched = vi.fn(async () => answer(200, { ok: 1 }));
    vi.stubGlobal("fetch", fetched);
    const http = new HttpSource();
    await Promise.all([http.get("/api/top", { a: 1 }), http.get("/api/top", { a: 1 })]);
    expect(fetched).toHaveBeenCalledTimes(1);
  });
  it("keep what is over, and ask again for what is not", async () => {
    const fetched = vi.fn(async () => answer(200, {}));
    vi.stubGlobal("fetch", fetched);
    keepAnswersBefore(1000);
    const http = new HttpSource();
    for (const to of [900, 900, 1100, 1100]) await http.get("/api/top", { to });
    expect(fetched).toHaveBeenCalledTimes(3);
  });
  it("give up the request only when nobody waits any more", async () => {
    let aborted = false;
    vi.stubGlobal("fetch", (_: string, { signal }: { signal: AbortSignal }) => new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => {
        aborted = true;
        reject(new DOMException("", "AbortError"));
      });
    }));
    const http = new HttpSource();
    const [one, other] = [new AbortController(), new AbortController()];
    const asked = [http.get("/api/top", {}, one.signal), http.get("/api/top", {}, other.signal)];
    asked.forEach((each) => each.catch(() => undefined));
    one.abort();
    await Promise.resolve();
    expect(aborted).toBe(false);
    other.abort();
    expect(aborted).toBe(true);
    await expect(asked[1]).rejects.toThrow();
  });
  it("try again while the agent is busy, then say so", async () => {
    vi.useFakeTimers();
    const fetched = vi.fn(async () => answer(503, { error: "too many answers at once" }));
    vi.stubGlobal("fetch", fetched);
    const asked = new HttpSource().get("/api/top", {}).catch(sentenceOf);
    await vi.runAllTimersAsync();
    vi.useRealTimers();
    expect(await asked).toBe("The agent is busy: too many answers at once");
    expect(fetched).toHaveBeenCalledTimes(3);
  });
  it("tell a failure as the agent's sentence, or that it is gone", async () => {
    vi.stubGlobal("fetch", async () => answer(404, { error: "there is no metric \"x\"" }));
    await expect(new HttpSource().get("/api/top", {})).rejects.toMatchObject({ kind: "unknown", sentence: "There is no metric \"x\"" });
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("refused")));
    await expect(new HttpSource().get("/api/top", {})).rejects.toMatchObject({ kind: "gone" });
    vi.stubGlobal("fetch", async () => new Response("{\"broken", { status: 200 }));
    await expect(new HttpSource().get("/api/top", {})).rejects.toBeInstanceOf(Failure);
  });
});

describe("an embedded answer", () => {
  const reply: Timeseries = {
    from: 0, to: 50, notes: [],
    series: [{ metric: "m", unit: "", resolution: "raw", t: [10, 20, 30, 40], v: [1, 2, null, 4] }],
  };
  it("is found whatever range and points are asked for, and cut", async () => {
    const replies = { [embeddedKey("/api/timeseries", { metric: ["m"], from: 0, to: 50, points: 9 })]: reply };
    const source = new EmbeddedSource({ version: 1, from: 0, to: 50, now: 50, replies });
    const got = (await source.get("/api/timeseries", { points: 3, metric: ["m"], from: 15, to: 40 })) as Timeseries;
    expect(got.series[0]).toMatchObject({ t: [20, 30], v: [2, null] });
    await expect(source.get("/api/top", {})).rejects.toThrow("does not hold");
    await expect(source.get("/api/timeseries", { metric: ["other"] })).rejects.toThrow("does not hold");
  });
  it("has fewer containers, and events of one kind, than were saved", async () => {
    const two = { ...reply, series: ["a", "b"].map((container) => ({ ...reply.series[0]!, container })) };
    const events = ["oom_kill", "agent_start"].map((kind) => ({ kind, time: "2026-11-02T10:00:00Z", message: "" }));
    const source = new EmbeddedSource({ version: 1, from: 0, to: 50, now: 50, replies: {
      [embeddedKey("/api/timeseries", { metric: ["m"], container: ["a", "b"] })]: two,
      [embeddedKey("/api/events", {})]: { events, more: false },
    } });
    const got = (await source.get("/api/timeseries", { metric: ["m"], container: ["b"] })) as Timeseries;
    expect(got.series.map(({ container }) => container)).toEqual(["b"]);
    expect(await source.get("/api/events", { kind: ["oom_kill"] })).toMatchObject({ events: [{ kind: "oom_kill" }] });
  });
  it("of a comparison stands beside that of the charts, and each range has its own", async () => {
    const before = { ...reply, series: [{ ...reply.series[0]!, t: [-40, -30, 10], v: [7, 8, 1] }] };
    const source = new EmbeddedSource({ version: 1, from: 0, to: 50, now: 50, replies: {
      [embeddedKey("/api/timeseries", { metric: ["m"] })]: reply,
      [embeddedKey("/api/timeseries", { metric: ["m"], part: "other" })]: before,
    } });
    const ask = async (from: number, to: number) => ((await source.get("/api/timeseries", { metric: ["m"], from, to })) as Timeseries).series;
    expect(await ask(0, 50)).toMatchObject([{ t: [10, 20, 30, 40] }]);
    expect(await ask(-50, 0)).toMatchObject([{ t: [-40, -30] }]);
    expect([source.holds("/api/timeseries?", "part=other"), source.holds("/api/processes?", "container=")]).toEqual([true, false]);
  });
  it("of a comparison takes no chart's place because it has more points, but where it alone reaches over the range", async () => {
    const finer = { ...reply, from: -20, to: 20, series: [{ ...reply.series[0]!, t: [-20, -10, 0, 5, 10, 15], v: [1, 1, 1, 1, 1, 1] }] };
    const source = new EmbeddedSource({ version: 1, from: 0, to: 50, now: 50, replies: {
      [embeddedKey("/api/timeseries", { metric: ["m"], part: "other" })]: finer,
      [embeddedKey("/api/timeseries", { metric: ["m"] })]: reply,
    } });
    const ask = async (from: number, to: number) => ((await source.get("/api/timeseries", { metric: ["m"], from, to })) as Timeseries).series;
    expect(await ask(0, 50)).toMatchObject([{ t: [10, 20, 30, 40] }]);
    expect(await ask(0, 20)).toMatchObject([{ t: [10] }]);
    expect(await ask(-25, 60)).toMatchObject([{ t: [10, 20, 30, 40] }]);
    expect(await ask(-20, 20)).toMatchObject([{ t: [-20, -10, 0, 5, 10, 15] }]);
    Object.assign(finer, { from: -900, to: 900 });
    expect(await ask(-20, 20)).toMatchObject([{ t: [10] }]);
    expect(await ask(-900, 900)).toMatchObject([{ t: [-20, -10, 0, 5, 10, 15] }]);
  });
  it("has both processes of a pid that was used again", async () => {
    const process = { ...reply.series[0]!, container: "a", pid: "7" };
    const source = new EmbeddedSource({ version: 1, from: 0, to: 50, now: 50, replies: {
      [embeddedKey("/api/timeseries", { metric: ["m"], container: ["a"] })]: { ...reply, series: [process, { ...process, t: [40], v: [9] }] },
    } });
    expect(((await source.get("/api/timeseries", { metric: ["m"], container: ["a"] })) as Timeseries).series).toHaveLength(2);
  });
  it("has the processes of a container, whatever moment is asked for", async () => {
    const saved = { container: "a", time: null, processes: [] };
    const source = new EmbeddedSource({ version: 1, from: 0, to: 50, now: 50, replies: { [embeddedKey("/api/processes", { container: "a", at: 40 })]: saved } });
    expect(await source.get("/api/processes", { container: "a", at: 7 })).toEqual(saved);
    await expect(source.get("/api/processes", { container: "b", at: 40 })).rejects.toThrow("does not hold");
  });
  it("says that there were more events than were saved", async () => {
    const source = new EmbeddedSource({ version: 1, from: 0, to: 50, now: 50, replies: { [embeddedKey("/api/events", { limit: 1 })]: { events: [], more: true } } });
    expect(await source.get("/api/events", { limit: 1 })).toEqual({ events: [], more: true, saved: { count: 0, oldestMs: 50 } });
  });
  it("keeps a bucket that reaches into the range", () => {
    const buckets: Timeseries = { ...reply, series: [{ ...reply.series[0]!, resolution: "bucket", width_ms: 10, v: undefined, mean: [1, 2, 3, 4] }] };
    expect(cutTimeseries(buckets, 25, 35).series[0]!.t).toEqual([20, 30]);
  });
});

describe("lower bound", () => {
  it("is the first that is not before", () => {
    expect([5, 10, 11, 40, 41].map((ms) => lowerBound([10, 20, 40], ms))).toEqual([0, 0, 1, 2, 3]);
  });
});
