// Says whether new points come in: live, late, or the agent is gone. Readers of the screen hear it when it changes.
import { formatDuration } from "../lib/time.ts";
import { liveLateMs, liveState } from "../live/stream.ts";
import { source } from "../data/source.ts";
import { instance, quickRange, records, setQuickRange, touchesNow } from "../state/store.ts";

const LIVE_RANGE = "15m";

export function LiveState() {
  const state = liveState.value;
  const text = wordsFor(state);
  const canFollow = records.value && !touchesNow.value && state !== "gone";
  if (canFollow) {
    return <button type="button" class="live-state is-paused" title="Follow now (l)" onClick={() => setQuickRange(quickRange.peek() ?? LIVE_RANGE)}>go live</button>;
  }
  return <span class={`live-state is-${state}`} role="status" title={hintFor(state)}>{text}</span>;
}

function wordsFor(state: string): string {
  if (state === "live") return "live";
  if (state === "connecting") return "connecting";
  if (state === "late") return `data is late by ${formatDuration(Math.round(liveLateMs.value / 1000) * 1000)}`;
  if (state === "gone") return "the agent is gone";
  if (source().embedded) return "saved";
  return instance.value === null ? "connecting" : "recorded";
}

function hintFor(state: string): string {
  if (state === "late") return "No new reading has come. The page begins the stream anew if this lasts.";
  if (state === "gone") return "The agent does not answer. The page tries again by itself.";
  if (state === "off") return "Nobody records into this data now; ranges end at its last reading.";
  return "New readings are drawn as they are taken.";
}
