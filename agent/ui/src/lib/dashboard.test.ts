import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { decodeInline, parseDashboard } from "./dashboard.ts";

function read(json: unknown, variables?: Record<string, string>) {
  return parseDashboard(JSON.stringify(json), variables);
}

function problemOf(json: unknown): string {
  const result = read(json);
  return "problem" in result ? result.problem : "";
}

const PANELS = [{ metric: "cpu_usage_cores", title: "CPU", study: "trend" }];

describe("dashboards", () => {
  it("reads all that one may say", () => {
    const result = read({
      schema_version: 1, name: "Mine", panels: PANELS,
      containers: { namespace: "shop", label_selector: { app: "cart" }, name_pattern: "cart-*", most: 5 },
      time_range: { mode: "from_containers", padding_seconds: 10 },
    });
    expect(result).toEqual({
      notes: [],
      dashboard: {
        name: "Mine", description: "", panels: PANELS,
        containers: { namespace: "shop", label_selector: { app: "cart" }, name_pattern: "cart-*", most: 5 },
        time_range: { mode: "from_containers", padding_seconds: 10 },
      },
    });
  });

  it("puts variables in after the JSON is read", () => {
    const json = { name: "Of {{WHO}}", variables: { WHO: "nobody" }, panels: PANELS, containers: { namespace: "{{ WHO }}" } };
    expect(read(json)).toMatchObject({ dashboard: { name: "Of nobody" } });
    const odd = 'x","panels":[],"y":"';
    expect(read(json, { WHO: odd })).toMatchObject({ dashboard: { name: `Of ${odd}`, containers: { namespace: odd } } });
    expect(problemOf({ name: "{{WHO}}", panels: PANELS })).toMatch(/needs the variable WHO; add &WHO=VALUE/);
    expect(problemOf({ name: "{{constructor}}", panels: PANELS })).toMatch(/needs the variable constructor/);
  });

  it("shows eight of fifty panels and says so", () => {
    const result = read({ panels: Array.from({ length: 50 }, (_, index) => ({ metric: `m${index}` })) });
    expect(result).toMatchObject({ notes: ["The dashboard has 50 panels; the first 8 are shown."] });
    expect("dashboard" in result && result.dashboard.panels).toHaveLength(8);
  });

  it.each([
    ["{", /no valid JSON/], ["[]", /it must be an object/], ["null", /must be an object/],
    ['{"panels":{}}', /panels must be a list/], ['{"panels":[]}', /no panels/], ['{"panels":[{}]}', /panel 1 has no metric/],
    ['{"panels":[{"metric":5}]}', /metric of panel 1 must be a text/],
    ['{"schema_version":9,"panels":[{"metric":"a"}]}', /schema_version is 9/],
    ['{"panels":[{"metric":"a"}],"time_range":{"mode":"soon"}}', /mode of time_range is "soon"/],
    ['{"panels":[{"metric":"a"}],"time_range":{"mode":"range","range":"5 parsecs"}}', /no range like/],
    ['{"panels":[{"metric":"a"}],"time_range":{"mode":"fixed","from":"x"}}', /must be times/],
    ['{"panels":[{"metric":"a"}],"containers":{"label_selector":{"a":1}}}', /a of label_selector must be a text/],
    ['{"panels":[{"metric":"a"}],"containers":{"most":-1}}', /most must be/],
    [" ".repeat(300_000), /larger than/],
  ])("has one sentence for %s", (text, sentence) => {
    const result = parseDashboard(text);
    expect("problem" in result && result.problem).toMatch(sentence);
  });

  it("reads base64 in both alphabets", () => {
    const text = '{"name":"größer >>>???"}';
    const base64 = Buffer.from(text).toString("base64");
    expect(decodeInline(base64)).toBe(text);
    expect(decodeInline(Buffer.from(text).toString("base64url"))).toBe(text);
    expect(decodeInline(base64.replace(/\+/g, " "))).toBe(text);
    expect(decodeInline("*")).toBeNull();
    expect(decodeInline("/w==")).toBeNull();
  });

  it("can read those that are shipped", () => {
    const folder = new URL("../../dashboards/", import.meta.url);
    const files = readdirSync(folder);
    expect(files.length).toBeGreaterThanOrEqual(4);
    for (const file of files) {
      const result = parseDashboard(readFileSync(new URL(file, folder), "utf8"));
      expect(result, file).toMatchObject({ notes: [] });
    }
  });
});
