// All panels below each other, in two columns where there are many and there is room.
import { sentenceAbout } from "../state/event-search.ts";
import { leftOut } from "../state/happenings.ts";
import { nameOf, panels, resolvedContainers, visibleRange } from "../state/store.ts";
import { Panel } from "./panel.tsx";

const HEIGHT_ALONE = 380;
const HEIGHT_FEW = 240;
const HEIGHT_MANY = 180;
const FEW = 3;

/** What of the events is not marked on the charts below. */
export function MissingMarks() {
  const sentence = leftOut.value.length === 0 ? null : sentenceAbout(leftOut.value, visibleRange.value.from);
  return sentence === null ? null : <p class="missing-marks" role="status">{sentence}</p>;
}

export function PanelList() {
  const count = panels.value.length;
  const height = count === 1 ? HEIGHT_ALONE : count <= FEW ? HEIGHT_FEW : HEIGHT_MANY;
  const who = resolvedContainers.value.ids.length;
  return (
    <div class={count > FEW ? "panels is-many" : "panels"}>
      <h1 class="unseen">{count === 1 ? "1 panel" : `${count} panels`} of {who === 1 ? nameOf(resolvedContainers.value.ids[0]!) : `${who} containers`}</h1>
      {panels.value.map((metric, index) => <Panel key={metric} metric={metric} index={index} height={height} />)}
    </div>
  );
}
