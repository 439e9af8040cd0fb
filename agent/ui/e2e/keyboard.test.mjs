// The keyboard alone: from the start page to a chart, through time, to help and out again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();

async function spanOf(page) {
  await page.waitForTimeout(500);
  const [, from, to] = /from=([^&]+)&to=([^&]+)/.exec(decodeURIComponent(page.url()));
  return { from: Date.parse(from), to: Date.parse(to) };
}

test("from nothing to a chart", () => withPage(made, {}, async (page) => {
  await ready(page);
  await page.keyboard.press("/");
  await page.keyboard.type(made.top[0].pod ?? "");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator("[data-panel=cpu_usage_cores] .legend-row").first().waitFor();
  await page.keyboard.press("End");
  await page.keyboard.press("Home");
  await page.keyboard.press("Space");
  await page.getByText("No container is chosen").first().waitFor();
}));

test("through time", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  const before = await spanOf(page);
  await page.keyboard.press("ArrowLeft");
  const left = await spanOf(page);
  assert.ok(left.from < before.from && left.to < before.to);
  await page.keyboard.press("+");
  const closer = await spanOf(page);
  assert.ok(closer.to - closer.from < left.to - left.from);
  await page.keyboard.press("-");
  const wider = await spanOf(page);
  assert.ok(wider.to - wider.from > closer.to - closer.from);
  await page.keyboard.press("r");
  await page.waitForTimeout(500);
  assert.match(page.url(), /range=/);
}));

test("help opens and closes", () => withPage(made, {}, async (page) => {
  await ready(page);
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "hidden" });
}));

test("tabs and lists by arrows, everything by Tab", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("tab", { name: "Containers" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.locator("#metrics-list").waitFor();
  const reached = new Set();
  for (let press = 0; press < 80; press += 1) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? ""));
  }
  for (const wanted of ["Search metrics", "Metrics; F makes one a favourite", "Remove cpu_usage_cores"]) {
    assert.ok(reached.has(wanted), `${wanted} is reached`);
  }
}));
