import { describe, expect, it } from "vitest";
import type { Container } from "../data/types.ts";
import { arrange, NOTHING_ASKED, type Known, type Row } from "./arrange.ts";

function container(id: string, part: Partial<Container> = {}): Container {
  return {
    id, parent_id: null, pod_uid: null, pod: `${id}-pod`, namespace: "shop", container: "main", workload: "Deployment/cart",
    qos_class: "burstable", image: "registry.example/cart:1", kind: "regular", restart_count: 0, restart_reason: null,
    resources: {}, labels: { app: "cart" }, role: "container", runtime: null, path: `/pods/${id}`,
    first_seen: "2026-11-23T05:00:00Z", last_seen: "2026-11-23T06:00:00Z", alive: true, ...part,
  };
}

const KNOWN: Known = { isGone: (one) => !one.alive, isChosen: (id) => id === "b", valueOf: (id) => ({ a: 1, c: 5 })[id] };
const ALL = [
  container("a", { first_seen: "2026-11-23T04:00:00Z" }),
  container("b", { namespace: "batch", workload: "Job/import", alive: false, labels: {}, qos_class: "besteffort" }),
  container("c", { image: "registry.example/frontend:2", first_seen: "2026-11-23T05:30:00Z" }),
];

function ids(rows: Row[]): string[] {
  return rows.map((row) => (row.kind === "group" ? `# ${row.name} ${row.ids.length}` : row.container.id));
}

describe("the list of containers", () => {
  it.each([
    [{}, ["c", "b", "a"]],
    [{ namespace: "shop" }, ["c", "a"]],
    [{ qos: "besteffort" }, ["b"]],
    [{ labels: "app=cart" }, ["c", "a"]],
    [{ state: "gone" as const }, ["b"]],
    [{ state: "alive" as const }, ["c", "a"]],
    [{ state: "chosen" as const }, ["b"]],
    [{ query: "frontend" }, ["c"]],
    [{ query: "import" }, ["b"]],
    [{ query: "shop app=cart b-pod" }, []],
    [{ sort: "name" as const }, ["b", "a", "c"]],
    [{ sort: "cpu" as const }, ["c", "a", "b"]],
    [{ group: "namespace" as const }, ["# shop 2", "c", "a", "# batch 1", "b"]],
    [{ group: "workload" as const, state: "gone" as const }, ["# batch · Job/import 1", "b"]],
  ])("for %j", (asked, expected) => expect(ids(arrange(ALL, { ...NOTHING_ASKED, ...asked }, KNOWN))).toEqual(expected));

  it("is quick with five thousand", () => {
    const many = Array.from({ length: 5000 }, (_, index) => container(`${index}`.padStart(64, "0"), { pod: `cart-${index}` }));
    arrange(many, { ...NOTHING_ASKED, query: "x" }, KNOWN);
    const begin = performance.now();
    expect(arrange(many, { ...NOTHING_ASKED, query: "cart 4999" }, KNOWN).length).toBeGreaterThan(0);
    expect(performance.now() - begin).toBeLessThan(500);
  });
});
