// What the main thread works per frame while charts are panned and zoomed, from Chrome's own tracing: the tasks of the
// page's main thread, added up between one begin of a frame and the next.
import { newPage, settled } from "./browser.mjs";

const CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"];
const SECONDS = 6;
const STEP_MS = 16;

export async function workPerFrame(browser, address) {
  const { page, context } = await newPage(browser);
  await page.goto(address);
  await page.locator(".panel").nth(4).waitFor();
  await settled(page);
  await page.waitForTimeout(500);
  await browser.startTracing(page, { categories: CATEGORIES });
  await panAndZoom(page);
  const trace = JSON.parse((await browser.stopTracing()).toString());
  await context.close();
  return summary(frames(trace.traceEvents));
}

async function panAndZoom(page) {
  const box = await page.locator(".panel .u-over").first().boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  const end = Date.now() + SECONDS * 1000;
  for (let step = 0; Date.now() < end; step += 1) {
    const phase = step % 180;
    if (phase < 60) await page.mouse.wheel(0, phase < 30 ? -60 : 60);
    else await page.mouse.wheel(phase < 120 ? 25 : -25, 0);
    await page.waitForTimeout(STEP_MS);
  }
}

/** Milliseconds of work between the begins of frames on the main thread of the page. */
function frames(events) {
  const begins = events.filter(({ name }) => name === "BeginMainThreadFrame" || name === "Animation Frame Fired" || name === "FireAnimationFrame");
  const thread = busiestThread(begins);
  const starts = [...new Set(begins.filter((event) => threadOf(event) === thread).map(({ ts }) => ts))].sort((a, b) => a - b);
  const tasks = events.filter((event) => event.ph === "X" && threadOf(event) === thread && /RunTask$/.test(event.name))
    .sort((a, b) => a.ts - b.ts);
  const outer = [];
  for (const task of tasks) {
    const last = outer.at(-1);
    if (!last || task.ts >= last.ts + last.dur) outer.push(task);
  }
  const works = new Array(Math.max(0, starts.length - 1)).fill(0);
  let at = 0;
  for (const task of outer) {
    while (at + 1 < starts.length && starts[at + 1] <= task.ts + task.dur / 2) at += 1;
    if (at < works.length && task.ts + task.dur > starts[0]) works[at] += task.dur / 1000;
  }
  return works;
}

function threadOf({ pid, tid }) {
  return `${pid}/${tid}`;
}

function busiestThread(events) {
  const counts = new Map();
  for (const event of events) counts.set(threadOf(event), (counts.get(threadOf(event)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

function summary(works) {
  const sorted = [...works].sort((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), max: sorted.at(-1) ?? Number.NaN };
}
