import { describe, expect, it } from "vitest";
import type { EventQuestion, Range } from "../data/api.ts";
import { embeddedKey, EmbeddedSource } from "../data/embedded.ts";
import type { Params } from "../data/source.ts";
import type { AgentEvent, Events } from "../data/types.ts";
import { searchEvents, sentenceAbout, withNewer } from "./event-search.ts";
import type { AskEvents } from "./event-search.ts";

const EVERYTHING = { from: 0, to: 1_000_000_000 };

/** An agent that has these events, with a smaller bound than a real one. */
function agentWith(events: AgentEvent[], most: number) {
  const asked: EventQuestion[] = [];
  const ask = async (question: EventQuestion, range: Range) => {
    asked.push(question);
    const inside = events.filter(({ time, kind, container_id: id }) => Date.parse(time) >= range.from && Date.parse(time) < range.to
      && (question.kind?.includes(kind) ?? true) && (question.container_id ?? id) === id);
    const newest = inside.sort((a, b) => Date.parse(b.time) - Date.parse(a.time)).slice(0, most);
    return { events: newest, more: inside.length > newest.length };
  };
  return { ask, asked };
}

function many(kind: string, count: number, everyMs: number): AgentEvent[] {
  return Array.from({ length: count }, (_, at) => ({ kind, time: new Date((at + 1) * everyMs).toISOString(), message: "", container_id: `c${at % 3}` }));
}

describe("events", () => {
  it("are asked for once where one answer has all", async () => {
    const { ask, asked } = agentWith(many("oom_kill", 10, 1000), 100);
    expect(await searchEvents({}, EVERYTHING, ask)).toMatchObject({ events: { length: 10 }, left: [] });
    expect(asked).toHaveLength(1);
  });
  it("of grave kinds are complete however often others happen", async () => {
    const { ask } = agentWith([...many("throttling_end", 1000, 1000), ...many("oom_kill", 20, 40_000), ...many("container_start", 60, 10_000)], 50);
    const { events, left } = await searchEvents({}, EVERYTHING, ask);
    const count = (kind: string) => events.filter((event) => event.kind === kind).length;
    expect([count("oom_kill"), count("container_start")]).toEqual([20, 60]);
    expect(new Set(events.map(({ kind, time, container_id: id }) => kind + time + id)).size).toBe(events.length);
    expect(left).toMatchObject([{ words: "throttling", looked: count("throttling_end") }]);
    const oldest = Math.min(...events.filter(({ kind }) => kind === "throttling_end").map(({ time }) => Date.parse(time)));
    expect(left[0]!.beforeMs).toBe(oldest);
  });
  it("of one moment do not have the pages go round", async () => {
    const { ask } = agentWith(Array.from({ length: 40 }, (_, at) => ({ kind: "oom_kill", time: "1970-01-01T00:01:00Z", message: "", pid: at })), 5);
    expect((await searchEvents({}, EVERYTHING, ask)).left.map(({ words }) => words)).toEqual(["OOM kills"]);
  });
  it("that a shared file lacks are told", async () => {
    const key = embeddedKey("/api/events", { limit: 5000 });
    const replies = { [key]: { events: many("oom_kill", 10, 1000).slice(6), more: true } };
    const file = new EmbeddedSource({ version: 1, from: 0, to: 20_000, now: 20_000, replies });
    const ask: AskEvents = async (question, range) => (await file.get("/api/events", { ...question, ...range } as Params)) as Events;
    const lacks = { words: "events", looked: 4, beforeMs: 7000, forGood: true };
    expect(await searchEvents({}, { from: 0, to: 20_000 }, ask)).toMatchObject({ events: { length: 4 }, left: [lacks] });
    expect(await searchEvents({}, { from: 0, to: 5000 }, ask)).toEqual({ events: [], left: [lacks] });
    expect(await searchEvents({}, { from: 7000, to: 20_000 }, ask)).toMatchObject({ events: { length: 4 }, left: [] });
    expect(sentenceAbout([lacks], 0)).toMatch(/This file has no others\.$/);
  });
});

describe("what is left out", () => {
  const left = [{ words: "throttling", looked: 5000, beforeMs: 60_000 }];
  it("is said only where it would be seen", () => {
    expect(sentenceAbout(left, 0)).toMatch(/^Not all marks are shown: of throttling the newest 5,000, from .* on\./);
    expect(sentenceAbout(left, 60_000)).toBeNull();
    expect(sentenceAbout([], 0)).toBeNull();
  });
  it("does not grow while newer events are asked for", () => {
    const newer = { words: "throttling", looked: 20_000, beforeMs: 90_000 };
    const stops = { words: "stops", looked: 7, beforeMs: 50_000 };
    expect(withNewer([...left, stops, ...left], [newer])).toEqual([stops, newer]);
    expect(withNewer(left, [])).toEqual(left);
  });
  it("of several containers is said once", () => {
    expect(sentenceAbout([...left, { ...left[0]!, beforeMs: 90_000 }], 0)).toMatch(/shown: of throttling the newest 10,000, from [^;]*\. A shorter/);
  });
});
