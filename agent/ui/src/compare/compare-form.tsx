// What is compared with what: a metric, a container, and either another time or another container. A metric of the node has
// no container, so only times can be compared.
import { signal } from "@preact/signals";
import { Select } from "../choose/container-filters.tsx";
import { OtherContainer } from "../choose/other-container.tsx";
import type { Range } from "../data/api.ts";
import { formatMoment, parseTime } from "../lib/time.ts";
import { containerList, containerName, findContainer, nameOf, panels, resolvedContainers } from "../state/store.ts";
import type { Other } from "./asked-pair.ts";
import { setContainer, setMetric, setOther } from "./comparison.ts";

export interface CompareFormProps {
  metric: string;
  /** null for the node. */
  container: string | null;
  range: Range;
  other: Other;
}

const TIMES: [string, string][] = [["before", "the time right before"], ["1h", "an hour earlier"], ["1d", "a day earlier"],
  ["1w", "a week earlier"], ["range", "another time…"]];

const fromText = signal("");
const problem = signal<string | null>(null);

export function CompareForm({ metric, container, range, other }: CompareFormProps) {
  const ids = [...new Set([...(container === null ? [] : [container]), ...resolvedContainers.value.ids])];
  const others = ids.filter((id) => id !== container);
  const metrics = [...new Set([metric, ...panels.value])];
  return (
    <div class="compare-form">
      <Select label="Metric" value={metric} options={metrics.map((name) => [name, name])} onChange={setMetric} />
      {container === null
        ? <span class="compare-node">of the node</span>
        : <Select label="Container" value={container} options={ids.map((id) => [id, nameOf(id)])} onChange={setContainer} />}
      {container !== null && <Kinds container={container} others={others} other={other} />}
      {container !== null && other.kind === "container"
        ? <ContainerChoice container={container} other={other} ids={others} />
        : <TimeChoice other={other} range={range} />}
    </div>
  );
}

function Kinds({ container, others, other }: { container: string; others: string[]; other: Other }) {
  const withTime = other.kind !== "container";
  const first = others[0] ?? containerList.value.find(({ id }) => id !== container)?.id;
  return (
    <div class="compare-kinds" role="group" aria-label="Compare with">
      <button type="button" class="chip" aria-pressed={withTime} onClick={() => setOther({ kind: "before" })}>another time</button>
      <button type="button" class="chip" aria-pressed={!withTime} disabled={first === undefined}
        title={first === undefined ? "Only one container is recorded here" : undefined}
        onClick={() => setOther({ kind: "container", id: first!, clock: "same" })}>another container</button>
    </div>
  );
}

function TimeChoice({ other, range }: { other: Other; range: Range }) {
  const chosen = other.kind === "earlier" ? other.by : other.kind === "range" ? "range" : "before";
  const options = TIMES.some(([name]) => name === chosen) ? TIMES : [...TIMES, [chosen, `${chosen} earlier`] as [string, string]];
  function choose(name: string) {
    if (name === "before") setOther({ kind: "before" });
    else if (name !== "range") setOther({ kind: "earlier", by: name });
    else {
      const span = range.to - range.from;
      fromText.value = formatMoment(range.from - span);
      setOther({ kind: "range", range: { from: range.from - span, to: range.from } });
    }
  }
  function setFrom(event: SubmitEvent) {
    event.preventDefault();
    const from = parseTime(fromText.value);
    problem.value = from === null ? "That is no time; write one like 2026-11-23 04:00." : null;
    if (from !== null) setOther({ kind: "range", range: { from, to: from + range.to - range.from } });
  }
  return (
    <>
      <Select label="Other time" value={chosen} options={options} onChange={choose} />
      {other.kind === "range" && (
        <form class="compare-from" onSubmit={setFrom}>
          <input class="field" type="text" aria-label="The other time begins at" value={fromText.value || formatMoment(other.range.from)}
            onInput={(event) => { fromText.value = event.currentTarget.value; }} />
          <button type="submit">Set</button>
          {problem.value && <p class="problem" role="alert">{problem.value}</p>}
        </form>
      )}
    </>
  );
}

function ContainerChoice({ container, other, ids }: { container: string; other: Other & { kind: "container" }; ids: string[] }) {
  const known = findContainer(other.id);
  return (
    <>
      <OtherContainer label="Other container" value={known?.id ?? other.id} ids={ids} without={container} onChange={(id) => setOther({ ...other, id })} />
      <Select label="Times" value={other.clock} options={[["same", "at the same time"], ["starts", "each from its start on"]]}
        onChange={(clock) => setOther({ ...other, clock: clock === "starts" ? "starts" : "same" })} />
      {!known && <p class="problem" role="alert">No container {other.id.slice(0, 12)} is recorded here; choose another one.</p>}
      {known && other.clock === "starts" && <p class="hint">{containerName(known)}, first seen {formatMoment(Date.parse(known.first_seen))}</p>}
    </>
  );
}
