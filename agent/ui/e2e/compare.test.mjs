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
