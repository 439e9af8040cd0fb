// An hour of live view in a few minutes: the page gets a clock that the measurement moves, and a stream that delivers
// the recorded readings of the second that has just passed; a frame is drawn in each. The heap is read after a collection
// of garbage.
import { newPage } from "./browser.mjs";

const MINUTES = 60;
const READ_AT = [0, 15, 30, 45, 60];
const START_MS = 10_000;
const BEFORE_END_MS = (MINUTES + 2) * 60_000;

export async function heapAfterAnHour(browser, agent, { metrics, ids }) {
  const { recorded } = await agent.get("/api/instance");
  const begin = Math.floor((Date.parse(recorded.to) - BEFORE_END_MS) / 1000) * 1000;
  const { page, context } = await newPage(browser);
  await page.clock.install({ time: begin });
  await page.addInitScript(fakeStream);
  await page.route("**/api/instance", async (route) => {
    const answer = await route.fetch();
    const body = { ...(await answer.json()), run_id: "measured" };
    body.recorded.to = new Date(await page.evaluate(() => Date.now())).toISOString();
    const { date, ...headers } = answer.headers();
    await route.fulfill({ status: 200, headers, body: JSON.stringify(body) });
  });
  await page.goto(`${agent.address}/#range=15m&panels=${metrics}&containers=${ids}`);
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable");
  await page.clock.pauseAt(begin + START_MS);
  await page.clock.runFor(3000);
  const sizes = [];
  for (let minute = 0; minute <= MINUTES; minute += 1) {
    if (READ_AT.includes(minute)) sizes.push({ minute, megabytes: await heapMegabytes(session) });
    if (minute < MINUTES) await liveMinute(page);
  }
  const state = await page.locator(".live-state").innerText();
  if (state !== "live") throw new Error(`the view is not live but ${state}`);
  await context.close();
  return sizes;
}

async function liveMinute(page) {
  for (let second = 0; second < 60; second += 1) {
    await page.clock.fastForward(1000);
    await page.evaluate(() => window.deliver());
  }
}

async function heapMegabytes(session) {
  await session.send("HeapProfiler.collectGarbage");
  const { metrics } = await session.send("Performance.getMetrics");
  return metrics.find(({ name }) => name === "JSHeapUsedSize").value / 1e6;
}

/** Runs in the page before anything else. */
function fakeStream() {
  // The agent's clock must not show: the page would follow it instead of its own.
  const headerOf = Headers.prototype.get;
  Headers.prototype.get = function get(name) {
    return name.toLowerCase() === "date" ? null : headerOf.call(this, name);
  };
  const open = new Set();
  const { fetch } = window;
  window.fetch = (address, init) => {
    if (!String(address).includes("/api/live?")) return fetch(address, init);
    const body = new ReadableStream({
      start(control) {
        const stream = { query: address.split("?")[1], fromMs: Date.now() - 60_000, control };
        open.add(stream);
        init.signal.addEventListener("abort", () => {
          open.delete(stream);
          control.error(init.signal.reason);
        });
      },
    });
    return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
  };
  window.deliver = async () => {
    for (const stream of open) {
      const to = Date.now();
      const answer = await fetch(`./api/timeseries?${stream.query}&points=all&from=${stream.fromMs}&to=${to}`);
      stream.fromMs = to;
      stream.control.enqueue(new TextEncoder().encode(`event: series\ndata: ${await answer.text()}\n\n`));
    }
  };
}
