// Studies: add one, read what it found, zoom to a finding, several at once, remove; the table of processes beside it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { picture } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();

async function studyWithFindings() {
  const { from, to } = made.recorded;
  for (const study of ["throttling", "oom"]) {
    const metric = study === "oom" ? "memory_events_oom_kill_per_second" : "cpu_throttled_percent";
    const top = await made.agent.get(`/api/top?metric=${metric}&limit=1&from=${from}&to=${to}`);
    const [entry] = top.entries;
    if (entry?.mean > 0) return { study, id: entry.container };
  }
  throw new Error("the data set has neither throttling nor OOM kills");
}

test("a study is added, found, zoomed to, and removed", () => withPage(made, {}, async (page) => {
  const { study, id } = await studyWithFindings();
  await page.goto(`${made.agent.address}/#range=all&panels=cpu_usage_cores&containers=${id}`);
  await page.reload();
  await ready(page);
  await page.getByRole("button", { name: /^Findings/ }).click();
  await page.getByLabel("Study").selectOption(study);
  await page.getByRole("button", { name: "Add study" }).click();
  const finding = page.locator(".finding-main");
  await finding.first().waitFor();
  assert.match(page.url(), new RegExp(`studies=${study}`));
  await page.getByLabel("Study").selectOption("periodicity");
  await page.getByRole("button", { name: "Add study" }).click();
  await page.locator(".study").nth(1).waitFor();
  await picture(page, "studies");
  const before = page.url();
  await finding.last().click();
  await page.waitForTimeout(400);
  assert.notEqual(page.url(), before);
  assert.match(page.url(), /from=.*&to=/);
  await page.locator(".study").first().getByRole("button", { name: /^Remove/ }).click();
  assert.equal(await page.locator(".study").count(), 1);
  assert.doesNotMatch(page.url(), new RegExp(`studies=[^&]*${study}`));
}));

test("a link with studies shows them", () => withPage(made, { expected: [/404/] }, async (page) => {
  await page.goto(made.agent.address + linkTo(made, { more: "&studies=changepoint,nonsense" }));
  await page.reload();
  await ready(page);
  await page.getByRole("button", { name: /^Findings/ }).click();
  await page.locator(".study", { hasText: "nonsense" }).getByRole("alert").waitFor();
  await page.locator(".study", { hasText: "Changes" }).waitFor();
}));

test("processes at the end of the range, sorted by a click", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: "Processes" }).click();
  await page.locator(".process-table tbody tr").first().waitFor();
  await page.getByRole("columnheader", { name: "RSS" }).getByRole("button").click();
  assert.equal(await page.getByRole("columnheader", { name: "RSS" }).getAttribute("aria-sort"), "descending");
  await picture(page, "processes");
}));

test("parameters and a second container are set, said, and in the link", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: /^Findings/ }).click();
  await page.getByLabel("Study", { exact: true }).selectOption("compare");
  await page.getByLabel("Container", { exact: true }).selectOption(made.busiest[0]);
  await page.getByLabel("Compared with").selectOption(made.busiest[1]);
  await page.locator(".study-settings summary").click();
  const percent = page.getByLabel(/^Same percent/);
  await percent.fill("500");
  await page.getByRole("button", { name: "Add study" }).click();
  await page.getByRole("alert").filter({ hasText: "from 0 to 100" }).waitFor();
  await percent.fill("2.5");
  const asked = page.waitForRequest((request) => request.url().includes("/api/study/compare"));
  await page.getByRole("button", { name: "Add study" }).click();
  const { searchParams } = new URL((await asked).url());
  assert.deepEqual([searchParams.get("set"), searchParams.get("with")], ["same_percent:2.5", made.busiest[1]]);
  await page.locator(".study[aria-busy=false] .finding-main").first().waitFor();
  assert.match(await page.locator(".study small").innerText(), /same percent 2\.5/);
  await picture(page, "studies-set");
  const settled = page.url();
  await page.goto("about:blank");
  await page.goto(settled);
  await ready(page);
  await page.getByRole("button", { name: /^Findings/ }).click();
  await page.locator(".study[aria-busy=false] .finding-main").first().waitFor();
  assert.match(await page.locator(".study small").innerText(), /same percent 2\.5/);
}));
