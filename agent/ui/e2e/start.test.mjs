// The start page: useful without a choice, each part leads on, and back leads back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { picture } from "./browser.mjs";
import { ready, scene, withPage } from "./scene.mjs";

const made = scene();

test("shows the node, who uses most, and the newest events", () => withPage(made, {}, async (page) => {
  await ready(page);
  const cpu = page.locator(".tile", { hasText: "CPU" }).first();
  await cpu.filter({ hasText: /\d+(\.\d+)?\scores of \d+/ }).waitFor();
  for (const title of ["Most CPU", "Most memory", "Most pressure", "Most throttled", "Newest events"]) {
    await page.getByRole("heading", { name: title }).waitFor();
  }
  const first = await page.locator(".top-list").first().locator("li").count();
  assert.ok(first > 0, "somebody uses CPU");
  assert.ok((await page.locator(".event-list li").count()) > 0, "something happened");
  await picture(page, "start");
}));

test("a container of a list opens with panels, and back leads to the start page", () => withPage(made, {}, async (page) => {
  await ready(page);
  await page.locator(".top-entry").first().click();
  await page.locator("[data-panel=cpu_usage_cores]").waitFor();
  assert.match(page.url(), /panels=cpu_usage_cores/);
  assert.match(page.url(), /containers=[0-9a-f]{6,}/);
  await ready(page);
  await page.goBack();
  await page.getByRole("heading", { name: /Most CPU/ }).waitFor();
}));

test("a tile opens the node's chart, without a container", () => withPage(made, {}, async (page) => {
  await ready(page);
  await page.locator(".tile", { hasText: "Memory" }).first().click();
  await page.locator('[data-panel="node.memory_used_bytes"]').waitFor();
  await ready(page);
  assert.equal(await page.getByText("No container is chosen").count(), 0);
}));

test("an event opens its moment", () => withPage(made, {}, async (page) => {
  await ready(page);
  await page.locator("button.event-row").first().click();
  await page.locator(".panel").first().waitFor();
  assert.match(page.url(), /from=.*&to=/);
}));
