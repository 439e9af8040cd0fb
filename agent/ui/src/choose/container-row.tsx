// One container in the chooser: its names, whether it is chosen and in which colour, when it was there.
import type { Container } from "../data/types.ts";
import { PALETTE } from "../lib/palette.ts";
import { formatAgo } from "../lib/time.ts";
import { formatValue } from "../lib/units.ts";
import { theme } from "../state/store.ts";
import { Marked } from "./marked.tsx";

export interface ContainerRowProps {
  container: Container;
  /** Its place in the palette; undefined where it is not chosen. */
  slot: number | undefined;
  gone: boolean;
  query: string;
  value: number | undefined;
  unit: string;
  nowMs: number;
}

export function ContainerRow({ container, slot, gone, query, value, unit, nowMs }: ContainerRowProps) {
  const { title, rest } = textsOf(container);
  const state = gone ? `gone ${formatAgo(Date.parse(container.last_seen), nowMs)}` : "";
  return (
    <>
      <Swatch slot={slot} />
      <span class="row-texts">
        <span class="row-title"><Marked text={title} query={query} /></span>
        <span class="row-rest">{state !== "" && `${state} · `}<Marked text={rest} query={query} /></span>
      </span>
      {value !== undefined && <span class="row-side row-value">{formatValue(value, unit)}</span>}
    </>
  );
}

export function Swatch({ slot }: { slot: number | undefined }) {
  const colour = slot === undefined ? undefined : PALETTE[slot]?.[theme.value];
  const style = colour === undefined ? undefined : { backgroundColor: colour, borderColor: colour };
  return <span class={`swatch ${colour ? "filled" : ""}`} style={style} aria-hidden="true" />;
}

function textsOf({ pod, container, namespace, workload, path, image, role }: Container): { title: string; rest: string } {
  const title = pod === null ? (container ?? lastPart(path)) : container ? `${pod} / ${container}` : pod;
  if (pod === null && container === null) return { title, rest: path };
  const parts = [namespace, workload, role === "container" ? null : role, workload === null ? image : null];
  return { title, rest: parts.filter(Boolean).join(" · ") };
}

function lastPart(path: string): string {
  return path.split("/").filter(Boolean).pop() ?? "/";
}
