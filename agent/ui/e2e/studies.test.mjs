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

test("a study of the view is changed where it stands", () => withPage(made, { path: linkTo(made, { more: "&studies=spikes:cpu_usage_cores,compare" }) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: /^Findings/ }).click();
  const second = page.locator(".study").nth(1);
  await second.getByRole("button", { name: /^Change/ }).click();
  const form = page.getByRole("form", { name: /^Change/ });
  await form.getByLabel(/^Same percent/).fill("500");
  await form.getByRole("button", { name: "Apply" }).click();
  await form.getByRole("alert").filter({ hasText: "from 0 to 100" }).waitFor();
  await form.getByLabel(/^Same percent/).fill("7");
  await picture(page, "studies-change");
  const asked = page.waitForRequest((request) => request.url().includes("/api/study/compare"));
  await form.getByRole("button", { name: "Apply" }).click();
  assert.equal(new URL((await asked).url()).searchParams.get("set"), "same_percent:7");
  await page.waitForURL(/studies=spikes:cpu_usage_cores,compare%3Bsame_percent:7/);
  assert.match(await second.locator("small").innerText(), /same percent 7/);
  assert.equal(await page.getByRole("form", { name: /^Change/ }).count(), 0);
  await second.getByRole("button", { name: /^Change/ }).click();
  assert.equal(await form.getByLabel(/^Same percent/).inputValue(), "7");
  await form.getByRole("button", { name: "Cancel" }).click();
  await page.locator(".study").first().getByRole("button", { name: /^Change/ }).click();
  await form.getByLabel("Panel").waitFor();
}));

test("the second container of a study may be one that is not chosen", () => withPage(made, { path: linkTo(made, { containers: made.busiest.slice(0, 1) }) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: /^Findings/ }).click();
  await page.getByLabel("Study", { exact: true }).selectOption("compare");
  const other = made.top[2];
  await page.getByLabel("Compared with", { exact: true }).selectOption("another container…");
  await page.getByLabel("Compared with: search").fill(other.pod);
  await page.locator(`.found-containers button[title="${other.container}"]`).click();
  const asked = page.waitForRequest((request) => request.url().includes("/api/study/compare"));
  await page.getByRole("button", { name: "Add study" }).click();
  assert.equal(new URL((await asked).url()).searchParams.get("with"), other.container);
  await page.locator(".study[aria-busy=false] .finding-main").first().waitFor();
  await picture(page, "studies-other");
}));

test("related series of one other container alone", () => withPage(made, {}, async (page) => {
  const related = await pairThatMoves();
  await page.goto(`${made.agent.address}/#range=all&panels=cpu_usage_cores&containers=${related.id}`);
  await page.reload();
  await ready(page);
  await page.getByRole("button", { name: /^Findings/ }).click();
  await page.getByLabel("Study", { exact: true }).selectOption("correlate");
  await page.getByLabel("Compared with", { exact: true }).selectOption("another container…");
  await page.getByLabel("Compared with: search").fill(related.other.pod);
  await page.locator(`.found-containers button[title="${related.other.id}"]`).click();
  await page.getByRole("button", { name: "Add study" }).click();
  await page.locator(".study[aria-busy=false] .finding-main").first().waitFor();
  const sentences = await page.locator(".finding-sentence").allInnerTexts();
  assert.ok(sentences.length > 0);
  for (const sentence of sentences) assert.ok(sentence.startsWith(`${related.other.pod}/${related.other.container} `), sentence);
  await picture(page, "studies-related");
}));

/** A container whose CPU use moves with that of several others, and one of these. */
async function pairThatMoves() {
  const { from, to } = made.recorded;
  for (const id of made.busiest) {
    const reply = await made.agent.get(`/api/study/correlate?metric=cpu_usage_cores&container=${id}&from=${from}&to=${to}&set=limit:1000`);
    const findings = reply.series[0]?.findings ?? [];
    const other = made.containers.find(({ pod, container }) => findings.at(-1)?.sentence.startsWith(`${pod}/${container} cpu_usage_cores `));
    if (findings.length > 1 && other) return { id, other };
  }
  throw new Error("no two containers of the data set move together");
}
