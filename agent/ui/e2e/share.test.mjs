// Sharing: one file with the view in it, which works without the agent and asks nobody.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { DATA, PROGRAM } from "./agents.mjs";
import { newPage, picture } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();

/** Shares what a page shows, and opens the file without any network. */
async function shared(page, use) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Share" }).click()]);
  const file = join(tmpdir(), `fgm-share-${process.pid}.html`);
  await download.saveAs(file);
  const offline = await newPage(made.browser);
  try {
    await offline.context.setOffline(true);
    await offline.page.goto(`file://${file}`);
    await offline.page.locator("[data-panel=cpu_usage_cores] .legend-row").first().waitFor();
    await use(offline.page);
    assert.deepEqual(offline.mistakes, []);
    assert.deepEqual(offline.outside, []);
  } finally {
    await offline.context.close();
    rmSync(file, { force: true });
  }
}

test("the view as one file works offline, and says what is not in it", () => withPage(made, { path: linkTo(made, { more: "&studies=changepoint" }) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: /^Findings/ }).click();
  await page.locator(".study[aria-busy=false]").waitFor();
  await shared(page, async (file) => {
    await file.getByText("It has no processes and no comparison.").waitFor();
    assert.deepEqual(await file.getByRole("navigation").getByRole("button").allInnerTexts().then((all) => all.map((one) => one.replace(/ \d+$/, ""))), ["Events", "Findings"]);
    await file.locator(".study[aria-busy=false]").getByText(/\d+ findings?/).waitFor();
    assert.equal(await file.locator(".study-form").count(), 0);
    await picture(file, "shared-file");
    await file.getByRole("button", { name: "Dismiss" }).click();
    await file.getByLabel("More for cpu_usage_cores").click();
    assert.deepEqual(await file.locator(".drop-list button").allInnerTexts(), ["Picture (PNG)"]);
  });
}));

test("a file has the processes and the comparison that were open", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  await page.getByRole("button", { name: "Processes" }).click();
  await page.locator(".process-table tbody tr").first().waitFor();
  const processes = await page.locator(".process-table tbody tr").count();
  await shared(page, async (file) => {
    await file.locator(".process-table tbody tr").first().waitFor();
    assert.equal(await file.locator(".process-table tbody tr").count(), processes);
    await picture(file, "shared-processes");
  });
  await page.getByRole("button", { name: "Compare" }).click();
  await page.getByLabel("Other time", { exact: true }).selectOption("1h");
  await page.locator(".compare[aria-busy=false] .verdict").waitFor();
  const verdict = await page.locator(".verdict").innerText();
  const figures = await page.locator(".difference-table tbody").innerText();
  await shared(page, async (file) => {
    await file.locator(".compare[aria-busy=false] .verdict").waitFor();
    assert.equal(await file.locator(".verdict").innerText(), verdict);
    assert.equal(await file.locator(".difference-table tbody").innerText(), figures);
    await picture(file, "shared-compare");
  });
}));

test("a file knows the other container, though no chart shows it", () => {
  const other = made.busiest[4];
  return withPage(made, { path: linkTo(made, { more: `&studies=compare%3Bwith:${other}&compare=with:${other}` }) }, async (page) => {
    await ready(page);
    await page.locator(".compare[aria-busy=false] .verdict").waitFor();
    const verdict = await page.locator(".verdict").innerText();
    await page.waitForFunction(() => /Findings \d/.test(document.querySelector("nav").innerText));
    await shared(page, async (file) => {
      await file.locator(".compare[aria-busy=false] .verdict").waitFor();
      assert.equal(await file.locator(".verdict").innerText(), verdict);
      await file.getByRole("button", { name: /^Findings \d/ }).click();
      await file.locator(".study[aria-busy=false] .finding-main").first().waitFor();
    });
  });
});

/** Takes what a panel's menu offers under a name. */
async function taken(page, metric, name) {
  const menu = page.locator(`[data-panel="${metric}"] details.drop`);
  if (await menu.getAttribute("open") === null) await page.getByLabel(`More for ${metric}`).click();
  const [download] = await Promise.all([page.waitForEvent("download"), menu.getByText(name, { exact: true }).click()]);
  const content = readFileSync(await download.path(), "latin1");
  if (await menu.getAttribute("open") !== null) await page.keyboard.press("Escape");
  return { name: download.suggestedFilename(), content, lines: content.trimEnd().split("\n") };
}

const OWN = "time,namespace,pod,container,container_id";

test("a panel as a picture, and its table as CSV and Parquet", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  const begins = { "Picture (PNG)": "\x89PNG", "Whole table “containers” as CSV": "time,", "Whole table “containers” as Parquet": "PAR1" };
  for (const [name, begin] of Object.entries(begins)) {
    const { content } = await taken(page, "cpu_usage_cores", name);
    assert.ok(content.startsWith(begin), `${name} begins with ${JSON.stringify(content.slice(0, 20))}`);
  }
}));

test("a panel's metric alone, recorded or computed", () => {
  const panels = ["cpu_usage_cores", "memory_current_bytes", "node.memory_used_bytes"];
  return withPage(made, { path: linkTo(made, { panels }) }, async (page) => {
    await ready(page);
    const [container] = made.busiest;
    const { from, to } = made.lastHour;
    const whole = await made.agent.get(`/api/timeseries?metric=cpu_usage_cores&container=${container}&from=${from}&to=${to}&points=all`);
    const derived = await taken(page, "cpu_usage_cores", "This metric as CSV");
    assert.deepEqual([derived.name, derived.lines[0]], ["cpu_usage_cores.csv", `${OWN},cpu_usage_cores`]);
    const own = derived.lines.filter((line) => line.includes(`,${container},`));
    assert.equal(own.length, whole.series[0].t.length, "every reading is in it");
    assert.equal(Number(own[9].split(",").at(-1)), whole.series[0].v[9]);
    assert.ok(derived.lines.slice(1).every((line) => made.busiest.slice(0, 2).some((id) => line.includes(`,${id},`))));
    const stored = await taken(page, "memory_current_bytes", "This metric as CSV");
    assert.equal(stored.lines[0], `${OWN},memory_current_bytes`);
    assert.ok(stored.lines.length > 3000);
    assert.ok((await taken(page, "memory_current_bytes", "This metric as Parquet")).content.startsWith("PAR1"));
    const node = await taken(page, "node.memory_used_bytes", "This metric as CSV");
    assert.match(node.lines[0], /^time,node\.memory_used_bytes$/);
    await page.getByLabel("More for cpu_usage_cores").click();
    await picture(page, "panel-menu");
  });
});

test("more rows than a browser makes are refused in a sentence", () => withPage(made, {
  path: `/#range=all&panels=cpu_usage_cores&containers=${made.busiest}`,
}, async (page) => {
  await ready(page);
  await page.getByLabel("More for cpu_usage_cores").click();
  await page.getByText("This metric as CSV", { exact: true }).click();
  await page.getByRole("alert").filter({ hasText: /million rows.*shorter range/ }).waitFor();
  await picture(page, "panel-csv-refused");
}));

test("metrics of every table can be taken alone", () => {
  const panels = ["pods.memory_current_bytes", "network.receive_bytes", "io_devices.read_bytes", "disks.read_bytes", "processes.rss_bytes"];
  return withPage(made, { path: linkTo(made, { panels }) }, async (page) => {
    await ready(page);
    for (const metric of panels) {
      await page.getByLabel(`More for ${metric}`).click();
      const links = await page.locator(`[data-panel="${metric}"] .drop-list a`).evaluateAll((all) => all.map((one) => one.href));
      for (const link of links) assert.equal((await page.request.get(link)).status(), 200, link);
      await page.keyboard.press("Escape");
    }
  });
});

test("a file from the command line shows the same, offline", async () => {
  const file = join(tmpdir(), `fgm-export-${process.pid}.html`);
  const [container] = made.busiest;
  const { from, to } = made.lastHour;
  const link = `#from=${from}&to=${to}&panels=memory_working_set_bytes,cpu_usage_cores&containers=${container}&studies=trend`;
  execFileSync(PROGRAM, ["export", "--html", "--data", DATA, "--link", link, "--out", file]);
  const offline = await newPage(made.browser);
  try {
    await offline.context.setOffline(true);
    await offline.page.goto(`file://${file}`);
    for (const metric of ["memory_working_set_bytes", "cpu_usage_cores"]) {
      await offline.page.locator(`[data-panel=${metric}] .legend-row`).first().waitFor();
    }
    await picture(offline.page, "exported-file");
    assert.deepEqual(offline.mistakes, []);
    assert.deepEqual(offline.outside, []);
  } finally {
    await offline.context.close();
    rmSync(file, { force: true });
  }
});
