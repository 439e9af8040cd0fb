import { describe, expect, it } from "vitest";
import type { Dashboard } from "./dashboard.ts";
import { viewOf } from "./dashboard-view.ts";

const NOW = Date.parse("2026-11-23T08:00:00Z");
const DASHBOARD: Dashboard = {
  name: "", description: "", containers: {}, time_range: { mode: "from_containers", padding_seconds: 60 },
  panels: [{ metric: "a", study: "trend" }, { metric: "b", study: "trend" }, { metric: "a" }],
};

function container(id: string, first: string, last: string, alive = false) {
  const day = (clock: string) => `2026-11-23T${clock}:00Z`;
  return { id, namespace: "shop", pod: id, container: null, workload: null, labels: {}, alive,
    first_seen: day(first), last_seen: day(last) };
}

describe("the view of a dashboard", () => {
  it("spans its containers and a little more", () => {
    const { view, notes } = viewOf(DASHBOARD, [container("x", "04:00", "05:00"), container("y", "04:30", "06:00")], NOW);
    expect(notes).toEqual([]);
    expect(view).toMatchObject({ panels: ["a", "b"], containers: ["x", "y"], studies: ["trend:a", "trend:b"],
      from: "2026-11-23T03:59:00Z", to: "2026-11-23T06:01:00Z" });
  });

  it("goes on until now where one is alive", () => {
    const { view } = viewOf(DASHBOARD, [container("x", "04:00", "05:00", true)], NOW);
    expect(view.to).toBe("2026-11-23T08:01:00Z");
  });

  it("shows the newest of many, and says so; and says where there are none", () => {
    const many = Array.from({ length: 30 }, (_, index) => container(`c${index}`, "04:00", `05:${index + 10}`));
    const { view, notes } = viewOf({ ...DASHBOARD, containers: { most: 3 } }, many, NOW);
    expect(view.containers).toEqual(["c29", "c28", "c27"]);
    expect(notes[0]).toMatch(/30 containers; the 3/);
    const none = viewOf(DASHBOARD, [], NOW);
    expect(none.view.range).toBe("all");
    expect(none.notes).toHaveLength(1);
  });

  it("takes a range or fixed times", () => {
    expect(viewOf({ ...DASHBOARD, time_range: { mode: "range", range: "1d" } }, [], NOW).view.range).toBe("1d");
    const fixed = { mode: "fixed", from: "2026-11-23T01:00:00Z", to: "2026-11-23T02:00:00Z" } as const;
    expect(viewOf({ ...DASHBOARD, time_range: fixed }, [], NOW).view).toMatchObject({ from: fixed.from, to: fixed.to });
  });
});
