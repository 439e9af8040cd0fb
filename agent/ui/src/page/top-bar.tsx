// The bar on top: which node, which range, whether it is live, and what can be opened.
import { DashboardMenu } from "../dashboards/dashboard-menu.tsx";
import { shareAsFile } from "../share/share-file.ts";
import {
  canZoom, chooserOpen, drawer, findingCount, helpOpen, instance, panels, setTheme, showView, theme, themeChoice,
  toggleDrawer, view, zoomBack, zoomForward,
} from "../state/store.ts";
import type { Drawer } from "../state/layout.ts";
import { isHeld } from "../share/held.ts";
import { source } from "../data/source.ts";
import { recordedNode } from "../start/node-overview.tsx";
import { forgetToken, token } from "../data/token.ts";
import { LiveState } from "./live-state.tsx";
import { RangePicker } from "./range-picker.tsx";

const DRAWERS: [Drawer, string][] = [["events", "Events"], ["findings", "Findings"], ["processes", "Processes"], ["compare", "Compare"]];

export function TopBar() {
  const { embedded } = source();
  return (
    <header class="head-bar">
      <button type="button" class="icon" aria-expanded={chooserOpen.value} aria-controls="chooser" title="Choose containers and metrics"
        aria-label="Choose containers and metrics" onClick={() => (chooserOpen.value = !chooserOpen.value)}>☰</button>
      <button type="button" class="home" title="To the start page" disabled={embedded} onClick={goHome}>
        fgm <span class="home-node">{nodeName()}</span>
      </button>
      <LiveState />
      <RangePicker />
      <div class="buttons" role="group" aria-label="Zooms">
        <button type="button" class="icon" disabled={!canZoom.value.back} onClick={zoomBack} aria-label="Zoom before" title="Back ([)">‹</button>
        <button type="button" class="icon" disabled={!canZoom.value.forward} onClick={zoomForward} aria-label="Zoom after" title="Forward (])">›</button>
      </div>
      <span class="bar-space" />
      <nav class="buttons" aria-label="Beside the charts">
        {DRAWERS.filter(([which]) => isHeld(which)).map(([which, name]) => (
          <button type="button" key={which} aria-pressed={drawer.value === which} onClick={() => toggleDrawer(which)}>
            {name}{which === "findings" && findingCount.value > 0 ? ` ${findingCount.value}` : ""}
          </button>
        ))}
      </nav>
      {!embedded && <DashboardMenu />}
      {!embedded && <button type="button" class="share" disabled={panels.value.length === 0} onClick={() => void shareAsFile()}
        title="Save this view as one file that works without the agent">Share</button>}
      {token.value !== null && <button type="button" onClick={forgetToken} title="Forget the agent's token; this page asks for it anew">Forget token</button>}
      <ThemeButton />
      <button type="button" class="icon" onClick={() => (helpOpen.value = true)} aria-label="Help" title="Help (?)">?</button>
    </header>
  );
}

function ThemeButton() {
  const next = themeChoice.value === "system" ? (theme.value === "dark" ? "light" : "dark") : themeChoice.value === "dark" ? "light" : "system";
  return (
    <button type="button" class="icon" onClick={() => setTheme(next)} aria-label={`Colours: ${themeChoice.value}; change to ${next}`}
      title={`Colours: ${themeChoice.value}; click for ${next}`}>{theme.value === "dark" ? "☾" : "☀"}</button>
  );
}

/** Of a recording that somebody else only shows, the agent's own node would be the wrong one. */
function nodeName(): string {
  const known = instance.value;
  return (known?.run_id ? known.node : recordedNode.value) ?? "";
}

function goHome(): void {
  showView({ ...view.peek(), panels: [], containers: [], studies: [] });
}
