// What is compared: a container, or the node, in the visible range with itself at another time, or with another container.
// In the link it is `compare=before`, `compare=-1d`, `compare=FROM/TO`, `compare=with:ID` or `compare=starts:ID`, and what
// is not the first: `compare_metric`, `compare_container`, and `compare_of` for a device, an interface or a process.
import type { Range } from "../data/api.ts";
import { durationMs, parseTime, toRfc3339 } from "../lib/time.ts";

export type Other =
  | { kind: "before" }
  | { kind: "earlier"; by: string }
  | { kind: "range"; range: Range }
  | { kind: "container"; id: string; clock: "same" | "starts" };

/** Without a container it is the node. */
export interface Side {
  container: string | null;
  range: Range;
}

export interface Pair {
  one: Side;
  other: Side;
}

export function parseOther(text: string): Other | null {
  if (text === "before") return { kind: "before" };
  const container = /^(with|starts):(.+)$/.exec(text);
  if (container) return { kind: "container", id: container[2]!, clock: container[1] === "with" ? "same" : "starts" };
  if (text.startsWith("-")) return durationMs(text.slice(1)) === null ? null : { kind: "earlier", by: text.slice(1) };
  const [from, to] = text.split("/").map((part) => parseTime(part));
  return typeof from === "number" && typeof to === "number" && from < to ? { kind: "range", range: { from, to } } : null;
}

export function formatOther(other: Other): string {
  if (other.kind === "before") return "before";
  if (other.kind === "earlier") return `-${other.by}`;
  if (other.kind === "container") return `${other.clock === "same" ? "with" : "starts"}:${other.id}`;
  return `${toRfc3339(other.range.from)}/${toRfc3339(other.range.to)}`;
}

/** Both sides with their ranges. `firstSeen` tells when a container began; its start is then 0 on the time axis. */
export function pairOf(container: string | null, range: Range, other: Other, firstSeen: (id: string) => number | null): Pair {
  const span = range.to - range.from;
  const one = { container, range };
  // There is one node only.
  if (other.kind === "before" || (other.kind === "container" && container === null)) return { one, other: { container, range: { from: range.from - span, to: range.from } } };
  if (other.kind === "earlier") {
    const by = durationMs(other.by) ?? span;
    return { one, other: { container, range: { from: range.from - by, to: range.to - by } } };
  }
  if (other.kind === "range") return { one, other: { container, range: other.range } };
  if (other.clock === "same") return { one, other: { container: other.id, range } };
  const [first, second] = [firstSeen(container!), firstSeen(other.id)];
  const fromStart = (start: number | null) => (start === null ? range : { from: start, to: start + span });
  return { one: { container, range: fromStart(first) }, other: { container: other.id, range: fromStart(second) } };
}
