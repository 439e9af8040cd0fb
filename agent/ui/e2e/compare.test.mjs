// Comparing: a time with the one before, two containers, with figures; and the link of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { picture } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();

function figures(page) {
  return page.locator(".difference-table tbody tr");
}

test("with the time right before", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: "Compare" }).click();
  await figures(page).nth(4).waitFor();
  assert.deepEqual(await figures(page).locator("th").allInnerTexts(), ["mean", "p50", "p95", "p99", "max"]);
  await page.getByLabel("Other time", { exact: true }).selectOption("1h");
  await ready(page);
  await page.waitForURL(/compare=-1h/);
  await picture(page, "compare");
}));

test("two containers, and the link opens the comparison", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("button", { name: "another container" }).click();
  await figures(page).nth(4).waitFor();
  await page.getByLabel("Times").selectOption("starts");
  await ready(page);
  await page.waitForURL(/compare=starts:/);
  await page.reload();
  await figures(page).nth(4).waitFor();
  await picture(page, "compare-containers");
}));

test("the node with itself at another time, and one disk of several", () => withPage(made, {
  path: linkTo(made, { panels: ["node.cpu_usage_cores", "disks.read_bytes_per_second"], containers: [] }),
}, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: "Compare" }).click();
  await figures(page).nth(4).waitFor();
  await page.getByText("of the node").waitFor();
  assert.equal(await page.getByRole("button", { name: "another container" }).count(), 0);
  await page.locator(".verdict").waitFor();
  await picture(page, "compare-node");
  await page.getByLabel("Other time", { exact: true }).selectOption("1h");
  await ready(page);
  await page.waitForURL(/compare=-1h/);
  await page.getByLabel("Metric", { exact: true }).selectOption("disks.read_bytes_per_second");
  await ready(page);
  await figures(page).nth(4).waitFor();
  await page.reload();
  await figures(page).nth(4).waitFor();
}));

test("any recorded container can be the other one", () => withPage(made, { path: linkTo(made, { containers: made.busiest.slice(0, 1) }) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByRole("button", { name: "another container" }).click();
  const other = made.top[3];
  await page.getByLabel("Other container", { exact: true }).selectOption("another container…");
  await page.getByLabel("Other container: search").fill(other.pod);
  await page.locator(`.found-containers button[title="${other.container}"]`).click();
  await page.waitForURL(new RegExp(`compare=with:${other.container}`));
  await figures(page).nth(4).waitFor();
  assert.match(await page.locator(".sides").innerText(), new RegExp(other.pod));
  await picture(page, "compare-searched");
}));
