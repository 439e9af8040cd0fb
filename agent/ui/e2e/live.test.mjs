// Live: points come by themselves, stop while the tab is hidden, and come again after the agent was gone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { recording } from "./agents.mjs";
import { picture } from "./browser.mjs";
import { ready, scene, withPage } from "./scene.mjs";

const made = scene(recording);
const GONE = [/Failed to load resource/, /ERR_CONNECTION/];
const LIVE_LINK = "/#range=5m&panels=node.cpu_usage_cores";

function liveState(page) {
  return page.locator(".live-state");
}

/** Takes the place of the tab being covered, which a headless browser cannot do. */
function hideTab(page, hidden) {
  return page.evaluate((value) => {
    Object.defineProperty(document, "hidden", { value, configurable: true });
    Object.defineProperty(document, "visibilityState", { value: value ? "hidden" : "visible", configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
}

test("new points come by the second", () => withPage(made, { path: LIVE_LINK }, async (page) => {
  await ready(page);
  await liveState(page).filter({ hasText: "live" }).waitFor();
  await page.locator(".legend-row").first().waitFor({ timeout: 20_000 });
  const ends = page.locator("summary[title='Exact range']");
  const before = await ends.innerText();
  await page.waitForTimeout(3500);
  assert.notEqual(await ends.innerText(), before);
  await picture(page, "live");
}));

test("the stream ends while the tab is hidden, and comes back", () => withPage(made, { path: LIVE_LINK }, async (page) => {
  await ready(page);
  await liveState(page).filter({ hasText: "live" }).waitFor();
  const streams = [];
  page.on("request", (request) => request.url().includes("/api/live") && streams.push(request.url()));
  await hideTab(page, true);
  await page.waitForTimeout(1500);
  assert.equal(streams.length, 0);
  await hideTab(page, false);
  await page.waitForTimeout(1500);
  assert.ok(streams.length > 0, "a new stream after the tab is seen again");
  await liveState(page).filter({ hasText: "live" }).waitFor();
}));

test("moving the range leaves live, and l goes back to it", () => withPage(made, { path: LIVE_LINK }, async (page) => {
  await ready(page);
  await page.keyboard.press("ArrowLeft");
  await liveState(page).filter({ hasText: "go live" }).waitFor();
  await page.keyboard.press("l");
  await liveState(page).filter({ hasText: /^live$/ }).waitFor();
}));

test("an agent that is gone is told, and its return is seen", () => withPage(made, { path: LIVE_LINK, expected: GONE }, async (page) => {
  await ready(page);
  await liveState(page).filter({ hasText: "live" }).waitFor();
  await made.agent.kill();
  await liveState(page).filter({ hasText: "gone" }).waitFor({ timeout: 30_000 });
  await picture(page, "live-gone");
  await made.agent.restart();
  await liveState(page).filter({ hasText: /^live$/ }).waitFor({ timeout: 60_000 });
}));

test("a stream that fell silent is begun anew, and the old one is given up", () => withPage(made, { path: LIVE_LINK, expected: GONE }, async (page) => {
  await page.addInitScript(() => {
    window.streams = [];
    const { fetch } = window;
    window.fetch = async (address, init) => {
      const answer = await fetch(address, init);
      if (!String(address).includes("/api/live")) return answer;
      const stream = { deaf: false, signal: init.signal };
      window.streams.push(stream);
      // Nothing is heard of a connection whose other end vanished, and no error either.
      const transform = (piece, control) => stream.deaf || control.enqueue(piece);
      return new Response(answer.body.pipeThrough(new TransformStream({ transform })), answer);
    };
  });
  await page.reload();
  await ready(page);
  await liveState(page).filter({ hasText: /^live$/ }).waitFor();
  await page.evaluate(() => window.streams.forEach((stream) => { stream.deaf = true; }));
  await liveState(page).filter({ hasText: "late" }).waitFor({ timeout: 20_000 });
  await liveState(page).filter({ hasText: /^live$/ }).waitFor({ timeout: 30_000 });
  assert.equal(await page.evaluate(() => window.streams.filter(({ signal }) => !signal.aborted).length), 1);
}));

test("the first readings of a fresh agent are drawn as they come", async () => {
  const fresh = await recording();
  try {
    await withPage({ ...made, agent: fresh }, { path: LIVE_LINK }, async (page) => {
      await liveState(page).filter({ hasText: /^live$/ }).waitFor();
      await page.locator(".legend-row").first().waitFor({ timeout: 5000 });
    });
  } finally {
    await fresh.stop();
  }
});
