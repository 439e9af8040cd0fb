// Sharing: one file with the view in it, which works without the agent and asks nobody.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { tmpdir } from "node:os";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { DATA, PROGRAM } from "./agents.mjs";
import { newPage, picture, settled } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();

/** Shares what a page shows, and opens the file without any network. */
async function shared(page, use) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Share" }).click()]);
  const file = join(tmpdir(), `fgm-share-${process.pid}.html`);
  await download.saveAs(file);
  await openedOffline(file, use);
}

/** Opens a file without any network, and removes it. */
async function openedOffline(file, use) {
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

/** Has the page's questions for every reading wait; what became of them is in the lists. */
async function holdReadings(page) {
  const found = { held: [], givenUp: [], saved: [] };
  const isOne = (url) => /\/api\/timeseries\?.*points=all/.test(String(url));
  page.on("requestfailed", (request) => isOne(request.url()) && found.givenUp.push(request.url()));
  page.on("download", (download) => found.saved.push(download.suggestedFilename()));
  await page.route(isOne, (route) => { found.held.push(route); });
  return found;
}

test("a panel that is removed while its CSV is made takes the questions with it", () => withPage(made, {
  path: linkTo(made, { panels: ["cpu_usage_cores", "memory_working_set_bytes"] }),
}, async (page) => {
  await ready(page);
  const found = await holdReadings(page);
  const panel = page.locator("[data-panel=cpu_usage_cores]");
  await panel.getByLabel("More for cpu_usage_cores").click();
  const asked = page.waitForRequest(/points=all/);
  await Promise.all([asked, panel.getByText("This metric as CSV", { exact: true }).click()]);
  await panel.getByText("Asked for 0 of 2 …").waitFor();
  const failed = page.waitForEvent("requestfailed", (request) => /points=all/.test(request.url()));
  await page.getByRole("button", { name: "Remove cpu_usage_cores" }).click();
  await failed;
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.locator("[data-panel=cpu_usage_cores]").waitFor({ state: "detached" });
  await settled(page);
  assert.deepEqual([found.held.length, found.givenUp.length, found.saved], [1, 1, []]);
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.equal(await page.locator(".page-notice").count(), 0);
}));

test("a second click gives the making of a CSV up", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  const found = await holdReadings(page);
  await page.getByLabel("More for cpu_usage_cores").click();
  const asked = page.waitForRequest(/points=all/);
  await page.getByText("This metric as CSV", { exact: true }).click();
  await asked;
  const failed = page.waitForEvent("requestfailed", (request) => /points=all/.test(request.url()));
  await page.getByText("Stop making the CSV", { exact: true }).click();
  await failed;
  await page.getByText("This metric as CSV", { exact: true }).waitFor();
  assert.deepEqual([found.held.length, found.saved], [1, []]);
  assert.equal(await page.getByRole("alert").count(), 0);
}));

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

/** Has the command line make a file of a link, and opens it without any network. */
async function exported(link, use) {
  const file = join(tmpdir(), `fgm-export-${process.pid}.html`);
  execFileSync(PROGRAM, ["export", "--html", "--data", DATA, "--link", link, "--out", file]);
  await openedOffline(file, use);
}

test("a file from the command line shows the same, offline", async () => {
  const [container] = made.busiest;
  const { from, to } = made.lastHour;
  const link = `#from=${from}&to=${to}&panels=memory_working_set_bytes,cpu_usage_cores&containers=${container}&studies=trend`;
  await exported(link, async (file) => {
    for (const metric of ["memory_working_set_bytes", "cpu_usage_cores"]) {
      await file.locator(`[data-panel=${metric}] .legend-row`).first().waitFor();
    }
    await file.getByText("It has no processes and no comparison.").waitFor();
    await picture(file, "exported-file");
  });
});

const TABLE = ".process-table tbody";

test("a link names the moment of the processes, and a file of it from the command line has them", () => {
  const at = new Date(Date.parse(made.lastHour.to) - 1_800_000).toISOString();
  return withPage(made, { path: linkTo(made, { more: `&processes=${at}` }) }, async (page) => {
    await ready(page);
    await page.locator(`${TABLE} tr`).first().waitFor();
    const read = await page.locator(".processes [role=status]").innerText();
    const rows = await page.locator(TABLE).innerText();
    await exported(page.url(), async (file) => {
      await file.locator(`${TABLE} tr`).first().waitFor();
      assert.equal(await file.locator(".processes [role=status]").innerText(), read);
      assert.equal(await file.locator(TABLE).innerText(), rows);
      await file.getByText("It has no comparison.").waitFor();
      await file.locator(".processes select").selectOption({ index: 1 });
      await settled(file);
      await file.locator(`${TABLE} tr`).first().waitFor();
      await picture(file, "exported-processes");
    });
    assert.ok(Math.abs(Date.parse(read.replace("read ", "")) - Date.parse(at)) < 60_000, `${read}, asked for ${at}`);
    await page.getByRole("button", { name: "Processes" }).click();
    await page.waitForURL((url) => !url.hash.includes("processes="));
  });
});

const COMPARISONS = { "an hour earlier": () => "-1h", "another container": () => `with:${made.busiest[4].slice(0, 12)}`, "two starts": () => `starts:${made.busiest[3]}` };
for (const [name, other] of Object.entries(COMPARISONS)) {
  test(`a file from the command line has the comparison of its link: ${name}`, () => withPage(made, {
    path: linkTo(made, { more: `&compare=${other()}` }),
  }, async (page) => {
    await ready(page);
    const told = (where) => where.locator(".sides, .difference-table, .verdict, .compare .note").allInnerTexts();
    await page.locator(".compare[aria-busy=false] .difference-table").waitFor();
    const live = await told(page);
    assert.match(live.join(), /\d/);
    await exported(page.url(), async (file) => {
      await file.locator(".compare[aria-busy=false] .difference-table").waitFor();
      assert.deepEqual(await told(file), live);
      await file.getByText("It has no processes.").waitFor();
      await picture(file, `exported-compare-${Object.keys(COMPARISONS).indexOf(name)}`);
    });
  }));
}
