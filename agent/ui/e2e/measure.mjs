// Measures what the viewer must reach, in real Chromium with its own tracing, and prints a table for docs/performance.md.
// FGM_AGENT names the agent, FGM_UI_DATA one or more data sets, separated by commas. `--live` also takes an hour of
// live view, with a simulated clock, and reads the size of the heap.
import { gzipSync } from "node:zlib";
import { basename } from "node:path";
import { DATA, pause, viewed } from "./agents.mjs";
import { launch, newPage } from "./browser.mjs";
import { heapAfterAnHour } from "./measure-heap.mjs";
import { workPerFrame } from "./measure-frames.mjs";

const RUNS = 15;
const COLD_RUNS = 7;
const METRICS = ["cpu_usage_cores", "memory_working_set_bytes", "cpu_throttled_percent", "io_read_bytes_per_second",
  "io_write_bytes_per_second", "memory_stat_anon_bytes", "memory_stat_file_bytes", "threads"];

const rows = [];

function row(what, data, value, aim) {
  rows.push([what, data, value, aim]);
  console.error(`${what} (${data}): ${value}, aim ${aim}`);
}

for (const data of (DATA ?? "").split(",").filter(Boolean)) await measureData(data, basename(data));
if (process.argv.includes("--live")) await measureLive();
console.log(["| What | Data | Measured | Aim |", "| --- | --- | --- | --- |", ...rows.map((cells) => `| ${cells.join(" | ")} |`)].join("\n"));

async function measureData(data, name) {
  const agent = await viewed(data);
  const browser = await launch();
  try {
    const busiest = await busiestOf(agent, 20);
    row("Transfer: page, script and style sheet, gzip", name, `${await transfer(agent)} kB`, "150 kB");
    row("Start page usable after navigation", name, spread(await startPage(browser, agent), "ms"), "1000 ms");
    const open = `/#range=1h&panels=cpu_usage_cores&containers=${busiest.slice(0, 10)}`;
    row("Metric switch to settled chart, 1 panel, 10 containers", name, spread(await switches(browser, agent, open), "ms"), "150 ms median");
    row("Zoom to settled chart, 1 panel, 10 containers", name, spread(await zooms(browser, agent, open), "ms"), "150 ms median");
    const eight = `panels=${METRICS}&containers=${busiest}`;
    row("8 panels of 20 containers: last hour to all", name, spread(await toAll(browser, agent, eight), "ms"), "1000 ms");
    row("8 panels of 20 containers over all: opened by a link", name, spread(await byLink(browser, agent, eight), "ms"), "1000 ms");
    const five = `/#range=6h&panels=${METRICS.slice(0, 5)}&containers=${busiest.slice(0, 10)}`;
    const frames = await workPerFrame(browser, agent.address + five);
    row("Main thread per frame, pan and zoom, 5 panels of 10 series", name,
      `p50 ${frames.p50.toFixed(1)} ms, p95 ${frames.p95.toFixed(1)} ms, max ${frames.max.toFixed(1)} ms of ${frames.count}`, "16 ms p95");
  } finally {
    await browser.close();
    await agent.stop();
  }
}

async function measureLive() {
  const agent = await viewed((DATA ?? "").split(",")[0]);
  const browser = await launch(["--enable-precise-memory-info"]);
  try {
    const ids = await busiestOf(agent, 10);
    const sizes = await heapAfterAnHour(browser, agent, { metrics: METRICS.slice(0, 5), ids });
    row("JS heap after an hour of live view, 5 panels of 10 series (simulated clock)", "view",
      sizes.map(({ minute, megabytes }) => `${megabytes.toFixed(1)} MB at ${minute} min`).join(", "), "150 MB");
  } finally {
    await browser.close();
    await agent.stop();
  }
}

async function busiestOf(agent, count) {
  const { recorded } = await agent.get("/api/instance");
  const top = await agent.get(`/api/top?metric=cpu_usage_cores&limit=${count}&from=${recorded.from}&to=${recorded.to}`);
  return top.entries.map((entry) => entry.container);
}

async function transfer(agent) {
  const html = await (await fetch(`${agent.address}/`, { headers: { accept: "text/html" } })).text();
  const paths = [...html.matchAll(/(?:src|href)="(\.?\/?assets\/[^"]+)"/g)].map((match) => match[1].replace(/^\./, ""));
  let bytes = gzipSync(html).length;
  for (const path of paths) {
    const file = await (await fetch(new URL(path, `${agent.address}/`))).arrayBuffer();
    bytes += gzipSync(Buffer.from(file)).length;
  }
  return (bytes / 1000).toFixed(1);
}

/** From the begin of the navigation until the tiles, all lists and the chooser have what they show. */
async function startPage(browser, agent) {
  const times = [];
  for (let run = 0; run < COLD_RUNS; run += 1) {
    const { page, context } = await newPage(browser);
    await page.goto(`${agent.address}/`, { waitUntil: "commit" });
    const handle = await page.waitForFunction(() => {
      const full = document.querySelectorAll(".tile-value").length > 0
        && [...document.querySelectorAll(".tile-value")].every((tile) => !tile.textContent.startsWith("…"))
        && document.querySelectorAll(".top-list li").length > 0
        && [...document.querySelectorAll(".start .hint")].every((hint) => hint.textContent !== "…")
        && document.querySelectorAll(".event-list li").length > 0
        && document.querySelectorAll("#containers-list [role=option]").length > 0;
      return full ? performance.now() : 0;
    }, null, { polling: "raf" });
    times.push(await handle.jsonValue());
    await context.close();
  }
  return times;
}

async function opened(browser, address) {
  const { page, context } = await newPage(browser);
  await page.goto(address);
  await page.locator(".panel").first().waitFor();
  await page.evaluate(installWatch);
  await page.evaluate(() => window.settledAfter(() => undefined, false));
  return { page, context };
}

/** Runs in the page: how long from an action until nothing is being asked for and the charts are drawn. */
function installWatch() {
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  const asked = () => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/api/timeseries")).length;
  window.settledAfter = async (act, mustAsk = true, metric = null) => {
    performance.setResourceTimingBufferSize(100_000);
    const before = asked();
    const start = performance.now();
    act();
    for (;;) {
      await frame();
      const busy = document.querySelector('.panel[aria-busy="true"]') !== null;
      const shown = metric === null || document.querySelector(`[data-panel="${metric}"] :is(.legend-row, .panel-message)`) !== null;
      const enough = shown && (!mustAsk || asked() > before);
      if (!busy && enough) break;
      if (performance.now() - start > 20_000) return Number.NaN;
    }
    await frame();
    return performance.now() - start;
  };
}

async function switches(browser, agent, link) {
  const { page, context } = await opened(browser, agent.address + link);
  await page.getByRole("tab", { name: "Metrics" }).click();
  const times = [];
  for (let run = 0; run < RUNS; run += 1) {
    const metric = METRICS[(run + 1) % METRICS.length];
    const range = ["1h", "6h", "1d"][Math.floor(run / METRICS.length) % 3];
    if (run % METRICS.length === 0) await page.evaluate((name) => window.settledAfter(() =>
      [...document.querySelectorAll(".range button")].find((button) => button.textContent === name).click(), false), range);
    times.push(await page.evaluate(([name, address]) => window.settledAfter(() => {
      history.pushState(null, "", address.replace(/panels=[^&]*/, `panels=${name}`));
      window.dispatchEvent(new PopStateEvent("popstate"));
    }, false, name), [metric, page.url()]));
    await pause(300);
  }
  await context.close();
  return times;
}

async function zooms(browser, agent, link) {
  const { page, context } = await opened(browser, agent.address + link);
  const times = [];
  for (let run = 0; run < RUNS; run += 1) {
    const box = await page.locator(".panel .u-over").first().boundingBox();
    const from = 0.1 + 0.02 * run;
    await page.mouse.move(box.x + box.width * from, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * (from + 0.45), box.y + 30, { steps: 3 });
    const promise = page.evaluate(() => window.settledAfter(() => undefined));
    await page.mouse.up();
    times.push(await promise);
    await page.evaluate(() => window.settledAfter(() =>
      [...document.querySelectorAll(".range button")].find((button) => button.textContent === "1h").click(), false));
    await pause(300);
  }
  await context.close();
  return times;
}

async function toAll(browser, agent, eight) {
  const times = [];
  for (let run = 0; run < COLD_RUNS; run += 1) {
    const { page, context } = await opened(browser, `${agent.address}/#range=1h&${eight}`);
    times.push(await page.evaluate(() => window.settledAfter(() =>
      [...document.querySelectorAll(".range button")].find((button) => button.textContent === "all").click())));
    await context.close();
  }
  return times;
}

async function byLink(browser, agent, eight) {
  const times = [];
  for (let run = 0; run < COLD_RUNS; run += 1) {
    const { page, context } = await newPage(browser);
    await page.goto(`${agent.address}/#range=all&${eight}`, { waitUntil: "commit" });
    const handle = await page.waitForFunction(() => {
      const panels = [...document.querySelectorAll(".panel")];
      const drawn = panels.length === 8 && panels.every((panel) => panel.getAttribute("aria-busy") === "false"
        && panel.querySelector(".legend-row") !== null);
      return drawn ? performance.now() : 0;
    }, null, { polling: "raf" });
    times.push(await handle.jsonValue());
    await context.close();
  }
  return times;
}

function spread(times, unit) {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  return `median ${at(0.5).toFixed(0)} ${unit}, largest ${sorted.at(-1).toFixed(0)} ${unit} of ${sorted.length}`;
}
