// All panels below each other, in two columns where there are many and there is room.
import { panels } from "../state/store.ts";
import { Panel } from "./panel.tsx";

const HEIGHT_ALONE = 380;
const HEIGHT_FEW = 240;
const HEIGHT_MANY = 180;
const FEW = 3;

export function PanelList() {
  const count = panels.value.length;
  const height = count === 1 ? HEIGHT_ALONE : count <= FEW ? HEIGHT_FEW : HEIGHT_MANY;
  return (
    <div class={count > FEW ? "panels is-many" : "panels"}>
      {panels.value.map((metric, index) => <Panel key={metric} metric={metric} index={index} height={height} />)}
    </div>
  );
}
