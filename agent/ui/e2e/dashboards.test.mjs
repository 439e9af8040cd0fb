// Dashboards: by name, inline, with variables, from a file, own ones; and one sentence for each that cannot be shown.
import assert from "node:assert/strict";
import { test } from "node:test";
import { picture } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();

function inline(json) {
  const text = typeof json === "string" ? json : JSON.stringify(json);
  return `/?dashboard_inline=${Buffer.from(text).toString("base64url")}`;
}

function panelNames(page) {
  return page.locator("[data-panel]").evaluateAll((all) => all.map((one) => one.dataset.panel));
}

const SMALL = { name: "Mine", containers: { most: 3 }, time_range: { mode: "from_containers" },
  panels: [{ title: "Processor <b>", metric: "cpu_usage_cores" }] };

test("a shipped one opens by name, with a variable", () => {
  const { pod } = made.top[0];
  return withPage(made, { path: `/?dashboard=workload&NAME=${encodeURIComponent(pod)}` }, async (page) => {
    await page.locator("[data-panel=cpu_usage_cores]").waitFor();
    await ready(page);
    assert.ok((await panelNames(page)).length >= 5);
    assert.match(page.url(), /containers=/);
    await picture(page, "dashboard");
  });
});

test("one in the address opens, spans its containers, and titles are text", () => withPage(made, { path: inline(SMALL) }, async (page) => {
  await page.locator("[data-panel=cpu_usage_cores]").waitFor();
  await ready(page);
  assert.match(page.url(), /from=.*&to=.*&panels=cpu_usage_cores&containers=/);
  await page.getByText("Processor <b>").first().waitFor();
}));

test("all shipped ones open from the menu", () => withPage(made, {}, async (page) => {
  await ready(page);
  for (const name of ["Workload", "Throttling", "Memory and OOM kills", "Disk"]) {
    await page.getByRole("button", { name: "Dashboards", exact: true }).click();
    await page.locator(".menu-entry button", { hasText: name }).first().click();
    await page.locator("[data-panel]").first().waitFor();
    await ready(page);
  }
}));

for (const [what, path, sentence] of [
  ["a missing one", "/?dashboard=nothing", /There is no dashboard "nothing"; there are .*memory/],
  ["broken JSON", inline("{"), /no valid JSON/],
  ["no base64", "/?dashboard_inline=%2A%2A", /no base64/],
  ["fifty panels", inline({ panels: Array.from({ length: 50 }, () => ({ metric: "cpu_usage_cores" })) }), /has 50 panels/],
  ["no panels", inline({ panels: [] }), /has no panels/],
  ["a missing variable", inline({ name: "{{WHO}}", panels: SMALL.panels }), /needs the variable WHO/],
  ["another host", "/?dashboard=http://localhost:1/x.json", /only read from the server of this page/],
  ["a missing file", "/?dashboard=/no/such.json", /answered 404/],
]) {
  test(`${what} gets one sentence, and the page works on`, () => withPage(made, { path, expected: [/404/] }, async (page) => {
    await page.locator(".page-notice", { hasText: sentence }).waitFor();
    await ready(page);
    await page.locator("#containers-list [role=option]").first().waitFor();
  }));
}

test("a dropped file opens", () => withPage(made, {}, async (page) => {
  await ready(page);
  await page.evaluate((text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], "mine.json", { type: "application/json" }));
    document.querySelector("main").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
  }, JSON.stringify(SMALL));
  await page.locator("[data-panel=cpu_usage_cores]").waitFor();
}));

test("the view is kept under a name, opened again, and removed", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  const menu = page.getByRole("button", { name: "Dashboards", exact: true });
  await menu.click();
  await page.getByLabel("Name of the dashboard").fill("my <i>view</i>");
  await page.getByRole("button", { name: "Keep", exact: true }).click();
  await page.getByText("my <i>view</i>").waitFor();
  await picture(page, "dashboard-menu");
  await page.goto(made.agent.address);
  await page.reload();
  await ready(page);
  await menu.click();
  await page.locator(".menu-entry button", { hasText: "my <i>view</i>" }).click();
  await page.locator("[data-panel=cpu_usage_cores]").waitFor();
  await menu.click();
  await page.getByRole("button", { name: "Remove my" }).click();
  await page.keyboard.press("Escape");
  assert.equal(await page.getByText("my <i>view</i>").count(), 0);
}));
