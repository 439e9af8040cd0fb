// Choosing containers and metrics: search, filters, groups, sorting, favourites, sets, and lists that stay small.
import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, picture } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();
const MOST_ROWS = 60;

function rows(page, list = "containers") {
  return page.locator(`#${list}-list [role=option]`);
}

test("search finds by pod, id and label, and choosing shows the first panels", () => withPage(made, {}, async (page) => {
  await ready(page);
  const field = page.getByRole("searchbox", { name: "Search containers" });
  const wanted = made.top[0];
  await field.fill(wanted.pod ?? wanted.container.slice(0, 12));
  await rows(page).first().click();
  await page.locator("[data-panel=cpu_usage_cores]").waitFor();
  assert.match(page.url(), new RegExp(`containers=[^&]*${wanted.container.slice(0, 12)}`));
  await field.fill(made.busiest[1].slice(0, 16));
  assert.equal(await rows(page).count(), 1);
  await field.fill("no such thing at all");
  await page.getByText("No container matches").waitFor();
}));

test("only the rows in sight exist", () => withPage(made, {}, async (page) => {
  await ready(page);
  assert.ok((await rows(page).count()) < MOST_ROWS);
  await page.locator("#containers-list").evaluate((list) => list.scrollTo(0, list.scrollHeight));
  await page.waitForFunction((total) =>
    document.querySelector(`#containers-list [role=option][aria-posinset="${total}"]`) !== null, made.total);
  assert.ok((await rows(page).count()) < MOST_ROWS);
}));

test("filters, groups and sorting", () => withPage(made, {}, async (page) => {
  await ready(page);
  await page.getByText("Filter, group, sort").click();
  const namespace = made.containers.find((container) => container.namespace)?.namespace;
  await page.getByLabel("Namespace").selectOption(namespace);
  const count = made.containers.filter((container) => container.namespace === namespace).length;
  await page.getByText(`${count} of ${made.total}`).waitFor();
  await page.getByLabel("Namespace").selectOption("");
  await page.getByLabel("Group").selectOption("workload");
  await page.getByLabel("Sort").selectOption("cpu");
  await page.locator(".row-value").first().waitFor();
  assert.match(await page.locator(".row-value").first().innerText(), /cores/);
  await picture(page, "choose-filters");
  await rows(page).first().click();
  await page.locator(".panel").first().waitFor();
}));

test("metrics are found by meaning, and favourites last", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("tab", { name: "Metrics" }).click();
  await page.getByRole("searchbox", { name: "Search metrics" }).fill("working set");
  const row = rows(page, "metrics").filter({ hasText: /^memory_working_set_bytes/ });
  await row.locator(".star").click();
  await row.click();
  await page.locator("[data-panel=memory_working_set_bytes]").waitFor();
  await picture(page, "choose-metrics");
  await page.reload();
  await ready(page);
  await page.getByRole("tab", { name: "Metrics" }).click();
  await rows(page, "metrics").first().getByText("memory_working_set_bytes").waitFor();
}));

test("a set replaces the panels", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("tab", { name: "Metrics" }).click();
  await page.getByRole("button", { name: "Network", exact: true }).click();
  await page.locator('[data-panel="network.receive_bytes_per_second"]').waitFor();
  assert.equal(await page.locator('[data-panel="cpu_usage_cores"]').count(), 0);
}));

test("on a phone a choice closes the chooser, taking one away does not", () => withPage(made, { look: PHONE }, async (page) => {
  await page.locator(".start").waitFor();
  const open = page.getByRole("button", { name: "Choose containers and metrics" });
  const first = page.locator("#containers-list [role=option]").first();
  await open.click();
  await first.click();
  await page.locator(".panel").first().waitFor();
  assert.equal(await page.locator("#chooser").count(), 0);
  await open.click();
  await first.click();
  assert.equal(await page.locator("#chooser").count(), 1);
}));
