// All panels below each other, in two columns where there are many and there is room.
import { nameOf, panels, resolvedContainers } from "../state/store.ts";
import { Panel } from "./panel.tsx";

const HEIGHT_ALONE = 380;
const HEIGHT_FEW = 240;
const HEIGHT_MANY = 180;
const FEW = 3;

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
