// Whether a container is gone. While an agent records, the agent says so; of a recording that is over, those are gone
// that were no longer there at its end.
import type { Container } from "../data/types.ts";

const STILL_THERE_MS = 30_000;

export function isGone(container: Container, records: boolean, endMs: number): boolean {
  if (container.alive) return false;
  return records || Date.parse(container.last_seen) < endMs - STILL_THERE_MS;
}
