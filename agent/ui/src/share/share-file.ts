// One file that shows the current view without an agent: the viewer's own page, script and styles, and the answers that
// the view needs, at a finer resolution than the screen so that zooming still shows more. Whoever opens it asks nobody.
import * as api from "../data/api.ts";
import { EMBEDDED_ID, embeddedKey } from "../data/embedded.ts";
import type { Embedded } from "../data/embedded.ts";
import { sentenceOf } from "../data/failure.ts";
import { source } from "../data/source.ts";
import type { Params } from "../data/source.ts";
import { limitOf } from "../charts/limits.ts";
import { formatLink } from "../lib/link.ts";
import { toRfc3339 } from "../lib/time.ts";
import { nowMs } from "../state/clock.ts";
import { eventQuestions } from "../state/happenings.ts";
import { drawer, findContainer, isOfNode, metricByName, panels, resolvedContainers, say, studied, view, visibleRange } from "../state/store.ts";
import { namedBeside, putComparison, putProcesses, unlessItFails } from "./beside.ts";
import { saveFile } from "./save-file.ts";

const MOST_POINTS = 400_000;
const POINTS_PER_LINE = 4000;
const LIMIT_POINTS = 120;

export async function shareAsFile(): Promise<void> {
  try {
    const content = await contentOf();
    const page = await pageWith(content);
    const day = new Date(content.from).toISOString().slice(0, 16).replaceAll(":", "");
    saveFile(new Blob([page], { type: "text/html" }), `fgm-${day}.html`);
  } catch (thrown) {
    say(`The file could not be made: ${sentenceOf(thrown)}`);
  }
}

type Replies = Record<string, unknown>;

async function contentOf(): Promise<Embedded> {
  const { from, to } = visibleRange.peek();
  const range = { from: Math.floor(from), to: Math.ceil(to) };
  const replies: Replies = {};
  await Promise.all([putCatalogue(replies), putSeries(replies, range), putStudies(replies), putEvents(replies, range),
    unlessItFails("comparison", putComparison(replies, range)), unlessItFails("processes", putProcesses(replies))]);
  const open = drawer.peek();
  const saved = { ...view.peek(), range: undefined, from: toRfc3339(range.from), to: toRfc3339(range.to) };
  return { version: 1, ...range, now: Math.min(range.to, nowMs.peek()), view: formatLink(saved), ...(open && { drawer: open }), replies };
}

async function putCatalogue(replies: Replies): Promise<void> {
  const instance = await api.instance();
  const { from, to } = visibleRange.peek();
  replies[embeddedKey("/api/instance", {})] = { ...instance, recorded: { from: toRfc3339(from), to: toRfc3339(to) } };
  const { metrics, derived } = await api.metrics();
  const needed = new Set(panels.peek().flatMap((metric) => [metric, limitOf(metric) ?? metric]));
  const kept = (list: { name: string }[]) => list.filter(({ name }) => needed.has(name));
  replies[embeddedKey("/api/metrics", {})] = { metrics: kept(metrics), derived: kept(derived) };
  replies[embeddedKey("/api/studies", {})] = await api.studies();
  const ids = new Set([...resolvedContainers.peek().ids, ...namedBeside()]);
  const containers = [...ids].flatMap((id) => findContainer(id) ?? []);
  replies[embeddedKey("/api/containers", {})] = { containers, total: containers.length };
}

async function putSeries(replies: Replies, range: api.Range): Promise<void> {
  const ids = resolvedContainers.peek().ids;
  const lines = Math.max(1, ids.length) * panels.peek().length;
  const points = Math.max(200, Math.min(POINTS_PER_LINE, Math.floor(MOST_POINTS / lines)));
  const asked: Params[] = [];
  for (const metric of panels.peek()) {
    if (!metricByName.peek().has(metric) || (!isOfNode(metric) && ids.length === 0)) continue;
    const container = isOfNode(metric) ? undefined : ids;
    asked.push({ metric: [metric], container, points });
    const limit = limitOf(metric);
    if (limit !== null) asked.push({ metric: [limit], container, points: LIMIT_POINTS });
  }
  await Promise.all(asked.map(async (params) => {
    replies[embeddedKey("/api/timeseries", params)] = await source().get("/api/timeseries", { ...params, ...range });
  }));
}

async function putStudies(replies: Replies): Promise<void> {
  for (const { chosen, reply, question } of studied.peek()) {
    if (reply && question) replies[embeddedKey(`/api/study/${chosen.study}`, { ...question } as Params)] = reply;
  }
}

async function putEvents(replies: Replies, range: api.Range): Promise<void> {
  for (const question of eventQuestions(resolvedContainers.peek().ids, "singly")) {
    const params = { ...question } as Params;
    replies[embeddedKey("/api/events", params)] = await source().get("/api/events", { ...params, ...range });
  }
}

async function pageWith(content: Embedded): Promise<string> {
  const script = document.querySelector<HTMLScriptElement>("script[type=module][src]");
  const style = document.querySelector<HTMLLinkElement>("link[rel=stylesheet][href]");
  if (!script || !style) throw new Error("the page does not know its own script and styles");
  const [code, rules] = await Promise.all([textOf(script.src), textOf(style.href)]);
  const data = JSON.stringify(content).replaceAll("<", "\\u003c");
  const safeCode = code.replaceAll(/<\/(script)/gi, "<\\/$1").replaceAll("<!--", "<\\!--");
  return [
    "<!doctype html>", '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:\">",
    "<title>fine-grained-monitor</title>", `<style>${rules.replaceAll("</", "<\\/")}</style></head>`,
    `<body><div id="app"></div><script type="application/json" id="${EMBEDDED_ID}">${data}</script>`,
    `<script type="module">${safeCode}</script></body></html>`, "",
  ].join("\n");
}

/** The viewer's own files need no token. */
async function textOf(address: string): Promise<string> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`the agent answered with status ${answer.status}`);
  return answer.text();
}
