// The page: chooser on the left, bar, overview and charts in the middle, one drawer on the right.
import { Overview } from "./charts/overview.tsx";
import { MissingMarks, PanelList } from "./charts/panel-list.tsx";
import { Chooser } from "./choose/chooser.tsx";
import { DrawerPane } from "./page/drawer.tsx";
import { Help } from "./page/help.tsx";
import { Notices } from "./page/notices.tsx";
import { TopBar } from "./page/top-bar.tsx";
import { TokenDialog } from "./page/token-dialog.tsx";
import { StartPage } from "./start/start-page.tsx";
import { chooserOpen, panels } from "./state/store.ts";

export function App() {
  return (
    <div class="page">
      <TopBar />
      <div class="columns">
        {chooserOpen.value && <aside class="side" id="chooser" aria-label="Choose"><Chooser /></aside>}
        <main class="middle">
          <Notices />
          {panels.value.length > 0 ? <><Overview /><MissingMarks /><PanelList /></> : <StartPage />}
        </main>
        <DrawerPane />
      </div>
      <Help />
      <TokenDialog />
    </div>
  );
}
