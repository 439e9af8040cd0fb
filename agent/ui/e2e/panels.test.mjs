// Panels: zoom by drag, wheel and keys, back and forward, ranges, hover, and the link of all of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, picture, settled } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();
const EIGHT = ["cpu_usage_cores", "memory_working_set_bytes", "cpu_throttled_percent", "io_read_bytes_per_second",
  "io_write_bytes_per_second", "memory_stat_anon_bytes", "memory_stat_file_bytes", "threads"];

async function spanOf(page) {
  await page.waitForTimeout(400);
  const [, from, to] = /from=([^&]+)&to=([^&]+)/.exec(decodeURIComponent(page.url()));
  return Date.parse(to) - Date.parse(from);
}

async function plotBox(page, metric = "cpu_usage_cores") {
  return page.locator(`[data-panel="${metric}"] .u-over`).boundingBox();
}

test("dragging zooms in, back and forward go through zooms", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  const before = await spanOf(page);
  const box = await plotBox(page);
  await page.mouse.move(box.x + box.width * 0.25, box.y + 40);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 5 });
  await page.mouse.up();
  const zoomed = await spanOf(page);
  assert.ok(Math.abs(zoomed / before - 0.5) < 0.05, `half of it: ${zoomed / before}`);
  await page.getByRole("button", { name: "Zoom before" }).click();
  assert.ok(Math.abs((await spanOf(page)) - before) < 2000);
  await page.getByRole("button", { name: "Zoom after" }).click();
  assert.ok(Math.abs((await spanOf(page)) - zoomed) < 2000);
  await picture(page, "panels-zoomed");
}));

test("the wheel zooms at the pointer", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  const before = await spanOf(page);
  const box = await plotBox(page);
  await page.mouse.move(box.x + box.width / 2, box.y + 40);
  await page.mouse.wheel(0, -300);
  assert.ok((await spanOf(page)) < before);
}));

test("hovering shows values at one time in all panels", () => withPage(made,
  { path: linkTo(made, { panels: ["cpu_usage_cores", "memory_working_set_bytes"] }) }, async (page) => {
    await ready(page);
    const box = await plotBox(page);
    await page.mouse.move(box.x + box.width / 2, box.y + 40);
    await page.waitForTimeout(200);
    for (const metric of ["cpu_usage_cores", "memory_working_set_bytes"]) {
      const texts = await page.locator(`[data-panel=${metric}] .legend-value`).allInnerTexts();
      assert.ok(texts.length > 0 && texts.every((text) => /\d/.test(text)), `${metric}: ${texts}`);
    }
    await picture(page, "panels-hover");
  }));

test("a quick range follows now, an exact one stands", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: "6h", exact: true }).click();
  await page.waitForTimeout(400);
  assert.match(page.url(), /range=6h/);
  await page.locator("summary[title='Exact range']").click();
  await page.getByLabel("From").fill(made.lastHour.from);
  await page.getByLabel("To", { exact: true }).fill(made.lastHour.to);
  await page.getByRole("button", { name: "Show", exact: true }).click();
  assert.equal(Math.round((await spanOf(page)) / 1000), 3600);
}));

test("the same link opens the same view elsewhere", () => withPage(made, { path: linkTo(made, { panels: ["memory_working_set_bytes", "cpu_usage_cores"] }) }, async (page) => {
  await ready(page);
  const link = page.url();
  const names = await page.locator("[data-panel]").evaluateAll((all) => all.map((one) => one.dataset.panel));
  assert.deepEqual(names, ["memory_working_set_bytes", "cpu_usage_cores"]);
  await page.getByRole("button", { name: "Remove memory_working_set_bytes" }).click();
  assert.equal(await page.locator("[data-panel]").count(), 1);
  await page.goto("about:blank");
  await page.goto(link);
  await ready(page);
  assert.equal(await page.locator("[data-panel]").count(), 2);
}));

test("eight panels of twenty containers over everything", () => withPage(made, {
  path: `/#range=all&panels=${EIGHT}&containers=${made.busiest}`,
}, async (page) => {
  await ready(page);
  assert.equal(await page.locator("[data-panel]").count(), 8);
  await settled(page);
  await picture(page, "panels-eight");
}));

const THREE = EIGHT.slice(0, 3);

function orderOf(page) {
  return page.locator("[data-panel]").evaluateAll((all) => all.map((one) => one.dataset.panel));
}

/** Presses on the title of one panel and moves to the middle of another. */
async function dragTitle(page, from, to) {
  const title = await page.locator(`[data-panel=${from}] h2`).boundingBox();
  const place = await page.locator(`[data-panel=${to}]`).boundingBox();
  await page.mouse.move(title.x + 20, title.y + 8);
  await page.mouse.down();
  await page.mouse.move(place.x + 200, place.y + place.height / 2, { steps: 8 });
}

test("a panel is dragged to another place, and the link follows", () => withPage(made, { path: linkTo(made, { panels: THREE }) }, async (page) => {
  await ready(page);
  const range = /from=[^&]+&to=[^&]+/;
  const [before] = range.exec(page.url());
  await dragTitle(page, THREE[2], THREE[0]);
  await page.locator(`[data-panel=${THREE[0]}].is-drop-before`).waitFor();
  await picture(page, "panels-dragged");
  await page.mouse.up();
  const moved = [THREE[2], THREE[0], THREE[1]];
  assert.deepEqual(await orderOf(page), moved);
  await page.waitForURL(new RegExp(`panels=${moved}`));
  assert.equal(range.exec(page.url())[0], before, "no chart took the drag for a zoom");
  await dragTitle(page, THREE[2], THREE[1]);
  await page.locator(`[data-panel=${THREE[1]}].is-drop-after`).waitFor();
  await page.keyboard.press("Escape");
  await page.mouse.up();
  assert.deepEqual(await orderOf(page), moved);
  assert.equal(await page.locator(".is-dragged, .is-drop-before, .is-drop-after").count(), 0);
  await page.getByRole("button", { name: `Move ${THREE[2]} down` }).focus();
  await page.keyboard.press("Enter");
  assert.deepEqual(await orderOf(page), [THREE[0], THREE[2], THREE[1]]);
}));

test("a panel is dragged beyond the window's edges, for the list moves on there", () => withPage(made, { path: linkTo(made, { panels: THREE }) }, async (page) => {
  await ready(page);
  const pane = page.locator(".middle");
  const edges = await pane.boundingBox();
  const room = await pane.evaluate(({ scrollHeight, clientHeight }) => scrollHeight - clientHeight);
  assert.ok(room > 100, `the list is longer than the window, by ${room} pixels`);
  /** Rests at an edge until the list is at its end. */
  const restAt = async (y, place) => {
    await page.mouse.move(edges.x + edges.width / 2, y, { steps: 8 });
    await page.waitForFunction((wanted) => Math.abs(document.querySelector(".middle").scrollTop - wanted) < 2, place);
  };
  const grab = async (metric) => {
    const title = await page.locator(`[data-panel=${metric}] h2`).boundingBox();
    await page.mouse.move(title.x + 20, title.y + 8);
    await page.mouse.down();
  };
  await grab(THREE[0]);
  await restAt(edges.y + edges.height - 10, room);
  await page.locator(`[data-panel=${THREE[2]}].is-drop-after`).waitFor();
  await picture(page, "panels-dragged-edge");
  await page.mouse.up();
  assert.deepEqual(await orderOf(page), [THREE[1], THREE[2], THREE[0]]);
  await page.waitForFunction(([metric, bottom]) => document.querySelector(`[data-panel=${metric}]`).getBoundingClientRect().bottom < bottom + 1,
    [THREE[0], edges.y + edges.height]);
  await grab(THREE[0]);
  await restAt(edges.y + 10, 0);
  await page.locator(`[data-panel=${THREE[1]}].is-drop-before`).waitFor();
  await page.mouse.up();
  assert.deepEqual(await orderOf(page), THREE);
}));

test("a finger drags a panel by its handle", () => withPage(made, { path: linkTo(made, { panels: THREE.slice(0, 2) }), look: PHONE }, async (page) => {
  await page.locator(`[data-panel=${THREE[1]}] .legend-row`).first().waitFor();
  const centre = async (what) => {
    const { x, y, width, height } = await page.locator(what).boundingBox();
    return { x: x + width / 2, y: y + height / 2 };
  };
  const [grip, place] = [await centre(`[data-panel=${THREE[0]}] .panel-grip`), await centre(`[data-panel=${THREE[1]}]`)];
  const devtools = await page.context().newCDPSession(page);
  const touch = (type, touchPoints) => devtools.send("Input.dispatchTouchEvent", { type, touchPoints });
  await touch("touchStart", [grip]);
  await touch("touchMove", [{ x: grip.x, y: grip.y + 30 }]);
  await touch("touchMove", [place]);
  await page.locator(".is-drop-after").waitFor();
  await picture(page, "panels-dragged-phone");
  await touch("touchEnd", []);
  assert.deepEqual(await orderOf(page), [THREE[1], THREE[0]]);
}));

test("events that are left out are told, and grave ones are not among them", () => withPage(made, {}, async (page) => {
  const { from, to } = made.recorded;
  const kills = (await made.agent.get(`/api/events?kind=oom_kill&from=${from}&to=${to}`)).events;
  assert.ok(kills.length > 0, "the data set has OOM kills");
  // A small bound has the events of a day be as many as those of months.
  await page.route("**/api/events?*", (route) => {
    const address = new URL(route.request().url());
    address.searchParams.set("limit", "6");
    return route.continue({ url: address.href });
  });
  await page.goto(`${made.agent.address}/#range=all&panels=cpu_usage_cores&containers=${made.containers.map(({ id }) => id)}`);
  await page.reload();
  await ready(page);
  await page.locator("main .missing-marks", { hasText: /Not all marks are shown: .*of throttling the newest \d+, from/ }).waitFor();
  await page.getByRole("button", { name: "Events" }).click();
  await page.locator(".drawer .missing-marks").waitFor();
  assert.equal(await page.locator(".happened-kind", { hasText: "OOM kill" }).count(), kills.length);
  await picture(page, "panels-left-out");
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.getByRole("button", { name: "1h", exact: true }).click();
  await page.locator("main .missing-marks").waitFor({ state: "detached" });
}));
