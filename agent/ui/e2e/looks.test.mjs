// Looks: each part in light, dark and on a phone. axe finds nothing serious, nothing is wider than the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { barriers, DARK, DESKTOP, PHONE, picture } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();
const LOOKS = { light: DESKTOP, dark: DARK, phone: PHONE };

const PARTS = {
  start: { link: () => "/" },
  charts: { link: () => linkTo(made, { panels: ["cpu_usage_cores", "memory_working_set_bytes"] }) },
  studies: { link: () => linkTo(made, { more: "&studies=changepoint" }), drawer: "Findings" },
  change: { link: () => linkTo(made, { more: "&studies=compare" }), drawer: "Findings", press: (page) => page.getByRole("button", { name: /^Change/ }) },
  menu: { link: () => linkTo(made, { panels: ["memory_current_bytes", "cpu_usage_cores"] }), press: (page) => page.getByLabel("More for memory_current_bytes") },
  processes: { link: () => linkTo(made), drawer: "Processes" },
  compare: { link: () => linkTo(made), drawer: "Compare" },
  events: { link: () => linkTo(made), drawer: "Events" },
  dashboards: { link: () => linkTo(made), drawer: "Dashboards" },
  metrics: { link: () => "/", tab: "Metrics" },
};

/** What of an open menu or drawer is beyond the edges of the page. */
function cutOff(page) {
  return page.evaluate(() => [...document.querySelectorAll(".menu-box, .drop-list, .drawer, .chooser")].flatMap((part) => {
    const { left, right, width } = part.getBoundingClientRect();
    return width > 0 && (left < -1 || right > window.innerWidth + 1) ? [part.className] : [];
  }));
}

for (const [look, options] of Object.entries(LOOKS)) {
  for (const [part, { link, drawer, tab, press }] of Object.entries(PARTS)) {
    test(`${part}, ${look}`, () => withPage(made, { path: link(), look: options }, async (page) => {
      await page.locator(".start, .panel").first().waitFor();
      if (look === "phone" && tab) await page.getByRole("button", { name: "Choose containers and metrics" }).click();
      if (drawer) await page.getByRole("button", { name: new RegExp(`^${drawer}`) }).click();
      if (press) await press(page).click();
      if (tab) await page.getByRole("tab", { name: tab }).click();
      await page.waitForTimeout(600);
      await picture(page, `look-${part}-${look}`);
      assert.deepEqual(await barriers(page), []);
      assert.deepEqual(await cutOff(page), []);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `the page is ${wide} pixels too wide`);
    }));
  }
}
