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

test("the view as one file works offline", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Share" }).click()]);
  const file = join(tmpdir(), `fgm-share-${process.pid}.html`);
  await download.saveAs(file);
  const offline = await newPage(made.browser);
  try {
    await offline.context.setOffline(true);
    await offline.page.goto(`file://${file}`);
    await offline.page.locator("[data-panel=cpu_usage_cores] .legend-row").first().waitFor();
    await picture(offline.page, "shared-file");
    assert.deepEqual(offline.mistakes, []);
    assert.deepEqual(offline.outside, []);
  } finally {
    await offline.context.close();
    rmSync(file, { force: true });
  }
}));

test("a panel as a picture, and its rows as CSV and Parquet", () => withPage(made, { path: linkTo(made) }, async (page) => {
  await ready(page);
  const begins = { "Picture (PNG)": "\x89PNG", "Recorded rows as CSV": "time,", "Recorded rows as Parquet": "PAR1" };
  for (const [name, begin] of Object.entries(begins)) {
    await page.getByLabel("More for cpu_usage_cores").click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByText(name, { exact: true }).click()]);
    const content = readFileSync(await download.path(), "latin1");
    assert.ok(content.startsWith(begin), `${name} begins with ${JSON.stringify(content.slice(0, 20))}`);
    if (await page.locator("details.drop[open]").count()) await page.keyboard.press("Escape");
  }
}));

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
