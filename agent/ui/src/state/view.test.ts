// The actions on the view, and the way back through zooms.
import { beforeEach, describe, expect, it, vi } from "vitest";

vi.stubGlobal("window", { matchMedia: () => ({ matches: false }), innerWidth: 1280 });

const { nowMs } = await import("./clock.ts");
const { notices } = await import("./notices.ts");
const view = await import("./view.ts");

const NOW = Date.parse("2026-11-02T12:00:00Z");

beforeEach(() => {
  nowMs.value = NOW;
  notices.value = [];
  view.showView({ panels: [], containers: [], studies: [], extra: {} });
});

describe("the visible range", () => {
  it("follows now for an hour unless something else is asked for", () => {
    expect(view.visibleRange.value).toEqual({ from: NOW - 3_600_000, to: NOW });
    nowMs.value = NOW + 1000;
    expect(view.visibleRange.value.to).toBe(NOW + 1000);
  });
  it("stands still once it is set, and is never shorter than a second", () => {
    view.setRange(NOW - 1, NOW);
    nowMs.value = NOW + 60_000;
    expect(view.follows.value).toBe(false);
    expect(view.visibleRange.value.to - view.visibleRange.value.from).toBe(1000);
  });
  it("goes back to a range that follows, and forward again", () => {
    view.setQuickRange("15m");
    view.zoomTo(NOW - 60_000, NOW - 30_000);
    view.zoomBack();
    expect(view.quickRange.value).toBe("15m");
    view.zoomForward();
    expect(view.visibleRange.value).toEqual({ from: NOW - 60_000, to: NOW - 30_000 });
  });
  it("is reset to the last range that followed, then to all", () => {
    view.setQuickRange("15m");
    view.zoomTo(NOW - 60_000, NOW - 30_000);
    view.resetRange();
    expect(view.quickRange.value).toBe("15m");
    view.resetRange();
    expect(view.quickRange.value).toBe("all");
  });
  it("refuses what is no duration", () => {
    view.setQuickRange("soon");
    expect(view.quickRange.value).toBe("1h");
  });
});

describe("panels", () => {
  it("are once each, at most eight, and can be moved", () => {
    for (let at = 0; at < 10; at += 1) view.addPanel(`m${at}`);
    view.addPanel("m0");
    expect(view.panels.value).toHaveLength(8);
    expect(notices.value).toHaveLength(1);
    view.movePanel(0, 1);
    expect(view.panels.value.slice(0, 2)).toEqual(["m1", "m0"]);
    view.movePanel(0, -1);
    expect(view.panels.value).toHaveLength(8);
    view.removePanel(0);
    expect(view.panels.value[0]).toBe("m0");
  });
});

describe("studies and containers", () => {
  it("are added once and removed", () => {
    view.addStudy({ study: "trend", panel: "m" });
    view.addStudy({ study: "trend", panel: "m" });
    view.addStudy({ study: "oom" });
    expect(view.studies.value).toEqual(["trend:m", "oom"]);
    view.replaceStudy("trend:m", { study: "trend", panel: "m", set: ["limit:3"] });
    expect(view.studies.value).toEqual(["trend:m;limit:3", "oom"]);
    view.replaceStudy("trend:m;limit:3", { study: "oom" });
    expect(view.studies.value).toEqual(["oom"]);
    view.removeStudy(0);
    expect(view.studies.value).toEqual([]);
    view.toggleContainer("a");
    view.toggleContainer("b");
    view.toggleContainer("a");
    expect(view.containers.value).toEqual(["b"]);
  });
});
