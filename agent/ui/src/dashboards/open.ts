// Opens dashboards: from the address (`?dashboard=` with a name or a path of this origin, `?dashboard_inline=` with
// base64), from a dropped file, from the menu. Whatever is wrong becomes one sentence on the page, the rest works. A
// link with a view of its own keeps that view; the dashboard then only names the panels.
import { effect } from "@preact/signals";
import { decodeInline, MOST_DASHBOARD_BYTES, parseDashboard, type Dashboard } from "../lib/dashboard.ts";
import { viewOf } from "../lib/dashboard-view.ts";
import { containerList, containersKnown, instance, nowMs, say, showView } from "../state/store.ts";
import { ownDashboards } from "./own.ts";
import { SHIPPED } from "./shipped.ts";
import { panelTitles } from "./titles.ts";

const OF_THE_VIEWER = ["dashboard", "dashboard_inline"];

export function startDashboards(): void {
  const params = new URLSearchParams(location.search);
  const hasView = location.hash.length > 1;
  void openFromAddress(params, hasView);
  document.addEventListener("dragover", (event) => {
    if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const file = event.dataTransfer?.files[0];
    if (!file) return;
    event.preventDefault();
    void openFile(file);
  });
}

export async function openFile(file: File): Promise<void> {
  if (file.size > MOST_DASHBOARD_BYTES) say(`${file.name} is larger than a dashboard may be (256 KiB).`);
  else open(await file.text(), {});
}

/** The text of a shipped dashboard or of an own one. */
export function textOf(name: string): string | undefined {
  return ownDashboards.peek().get(name) ?? SHIPPED.get(name);
}

/** Shows a dashboard once it is known what is recorded. */
export function open(text: string, variables: Record<string, string>): void {
  const read = parseDashboard(text, variables);
  if ("problem" in read) {
    say(read.problem);
    return;
  }
  read.notes.forEach(say);
  whenKnown(() => show(read.dashboard));
}

async function openFromAddress(params: URLSearchParams, hasView: boolean): Promise<void> {
  const name = params.get("dashboard");
  const inline = params.get("dashboard_inline");
  if (name === null && inline === null) return;
  const text = inline !== null ? decodeInline(inline) : await fetchOrFind(name!);
  if (text === null) {
    if (inline !== null) say("The dashboard in the address is no base64 of a text.");
    return;
  }
  const variables = Object.fromEntries([...params].filter(([key]) => !OF_THE_VIEWER.includes(key)));
  if (hasView) nameOnly(text, variables);
  else open(text, variables);
}

async function fetchOrFind(name: string): Promise<string | null> {
  const known = textOf(name);
  if (known !== undefined) return known;
  if (!/[/.]/.test(name)) {
    say(`There is no dashboard "${name.slice(0, 60)}"; there are ${[...SHIPPED.keys(), ...ownDashboards.peek().keys()].join(", ")}.`);
    return null;
  }
  const address = sameOrigin(name);
  if (!address) {
    say("A dashboard is only read from the server of this page; save it and drop the file here instead.");
    return null;
  }
  return fetchText(address);
}

/** Without the token: behind a proxy another path of this origin may be somebody else's server. */
async function fetchText(address: URL): Promise<string | null> {
  try {
    const answer = await fetch(address.href, { headers: { Accept: "application/json" } });
    if (answer.ok) return await answer.text();
    say(`There is no dashboard at ${address.pathname}: the server answered ${answer.status}.`);
  } catch {
    say(`The dashboard at ${address.pathname} cannot be read; the server does not answer.`);
  }
  return null;
}

function sameOrigin(path: string): URL | null {
  try {
    const address = new URL(path, location.href);
    return address.origin === location.origin && /^https?:$/.test(address.protocol) ? address : null;
  } catch {
    return null;
  }
}

function nameOnly(text: string, variables: Record<string, string>): void {
  const read = parseDashboard(text, variables);
  if ("problem" in read) say(read.problem);
  else nameThePanels(read.dashboard);
}

function show(dashboard: Dashboard): void {
  const { view, notes } = viewOf(dashboard, containerList.peek(), nowMs.peek());
  nameThePanels(dashboard);
  notes.forEach(say);
  showView(view);
}

function nameThePanels({ panels, name }: Dashboard): void {
  panelTitles.value = new Map(panels.flatMap(({ metric, title }) => (title ? [[metric, title]] : [])));
  document.title = `${name} · fine-grained-monitor`;
}

function whenKnown(then: () => void): void {
  let done = false;
  const stop = effect(() => {
    if (done || !containersKnown.value || !instance.value) return;
    done = true;
    queueMicrotask(() => {
      stop();
      then();
    });
  });
}
