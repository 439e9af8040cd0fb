// Starts the viewer: state first, then the page, so that the first paint already has the view of the link.
import { render } from "preact";
import { App } from "./app.tsx";
import type { EmbeddedSource } from "./data/embedded.ts";
import { source } from "./data/source.ts";
import { startAddress } from "./state/address.ts";
import { startClock } from "./state/clock.ts";
import { startFindings } from "./state/findings.ts";
import { startNames, watchForNewContainers } from "./state/names.ts";
import { startTheme } from "./state/theme.ts";

const answers = source();
startTheme();
startAddress(answers.embedded ? (answers as EmbeddedSource).content.view : undefined);
void startClock();
void startNames();
watchForNewContainers();
startFindings();
render(<App />, document.getElementById("app")!);
