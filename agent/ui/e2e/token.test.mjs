// An agent that wants its token: the page asks for it, says when it is wrong, keeps it for the tab alone, sends it with every
// question and the live stream, and forgets it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { guarded } from "./agents.mjs";
import { barriers, DARK, PHONE, picture } from "./browser.mjs";
import { ready, scene, withPage } from "./scene.mjs";

const TOKEN = "s3cret-word-of-the-tests";
const REFUSED = [/401/];
const LINK = "/#range=5m&panels=node.cpu_usage_cores";
const made = scene(() => guarded(TOKEN));

async function give(page, token) {
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.keyboard.press("Enter");
}

function dialog(page) {
  return page.getByRole("dialog", { name: /wants its token/ });
}

test("the token is asked for, told to be wrong, and then everything works, live too", () => withPage(made, { path: LINK, expected: REFUSED }, async (page) => {
  await dialog(page).waitFor();
  assert.equal(await page.getByLabel("Token", { exact: true }).getAttribute("type"), "password");
  await picture(page, "token");
  await give(page, "a-guess");
  await dialog(page).getByRole("alert").filter({ hasText: "does not take this token" }).waitFor();
  await picture(page, "token-wrong");
  const unsent = [];
  await give(page, TOKEN);
  await dialog(page).waitFor({ state: "hidden" });
  page.on("request", (request) => {
    if (request.url().includes("/api/") && request.headers().authorization !== `Bearer ${TOKEN}`) unsent.push(request.url());
  });
  await page.locator(".live-state", { hasText: /^live$/ }).waitFor();
  await page.locator(".legend-row").first().waitFor();
  const before = await page.locator("summary[title='Exact range']").innerText();
  await page.waitForFunction((text) => document.querySelector("summary[title='Exact range']").innerText !== text, before);
  await page.getByRole("button", { name: "15m", exact: true }).click();
  await ready(page);
  assert.deepEqual(unsent, []);
  assert.doesNotMatch(page.url(), new RegExp(TOKEN));
}));

test("it stays for the tab alone, and is forgotten", () => withPage(made, { path: LINK, expected: REFUSED }, async (page) => {
  await dialog(page).waitFor();
  await give(page, TOKEN);
  await dialog(page).waitFor({ state: "hidden" });
  await page.reload();
  await ready(page);
  assert.equal(await dialog(page).count(), 0);
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  const other = await page.context().newPage();
  await other.goto(made.agent.address + LINK);
  await dialog(other).waitFor();
  await other.close();
  await page.getByRole("button", { name: "Forget token" }).click();
  await dialog(page).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.match(page.url(), /panels=node\.cpu_usage_cores/);
}));

test("downloads and a shared file work with it, and do not carry it", () => withPage(made, { path: LINK, expected: REFUSED }, async (page) => {
  await dialog(page).waitFor();
  await give(page, TOKEN);
  await page.locator(".legend-row").first().waitFor();
  const take = async (act) => {
    const [download] = await Promise.all([page.waitForEvent("download"), act()]);
    return readFileSync(await download.path(), "latin1");
  };
  await page.getByLabel("More for node.cpu_usage_cores").click();
  const rows = await take(() => page.getByText("Whole table “node” as CSV", { exact: true }).click());
  assert.match(rows, /^time,.*cpu_/);
  await page.keyboard.press("Escape");
  const file = await take(() => page.getByRole("button", { name: "Share" }).click());
  assert.ok(file.includes("fgm-embedded") && !file.includes(TOKEN));
}));

test("a second click while a download is made makes no second one", () => withPage(made, { path: LINK, expected: REFUSED }, async (page) => {
  await dialog(page).waitFor();
  await give(page, TOKEN);
  await page.locator(".legend-row").first().waitFor();
  const held = [];
  const saved = [];
  page.on("download", (download) => saved.push(download.suggestedFilename()));
  await page.route("**/api/export*", (route) => { held.push(route); });
  await page.getByLabel("More for node.cpu_usage_cores").click();
  for (const format of ["CSV", "Parquet"]) {
    held.length = saved.length = 0;
    const link = page.getByRole("link", { name: `Whole table “node” as ${format}` });
    await link.click();
    await page.locator(".drop-list a[aria-busy=true]").waitFor();
    await link.click();
    await link.press("Enter");
    await Promise.all([page.waitForEvent("download"), held[0].continue()]);
    await page.locator(".drop-list a[aria-busy=true]").waitFor({ state: "detached" });
    assert.deepEqual([held.length, saved], [1, [`node.${format.toLowerCase()}`]]);
  }
}));

test("another token in the agent's file is asked for without losing the view", () => withPage(made, { path: LINK, expected: REFUSED }, async (page) => {
  await dialog(page).waitFor();
  await give(page, TOKEN);
  await page.locator(".legend-row").first().waitFor();
  made.agent.setToken("another-word-of-the-tests");
  try {
    await page.getByRole("button", { name: "1h", exact: true }).click();
    await dialog(page).getByText("It does not take the token that was given before").waitFor({ timeout: 20_000 });
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Give the token" }).click();
    await give(page, "another-word-of-the-tests");
    await dialog(page).waitFor({ state: "hidden" });
    await page.locator(".live-state", { hasText: /^live$/ }).waitFor({ timeout: 30_000 });
  } finally {
    made.agent.setToken(TOKEN);
    await page.waitForTimeout(1500);
  }
}));

for (const [look, options] of Object.entries({ dark: DARK, phone: PHONE })) {
  test(`the dialogue has no barriers, ${look}`, () => withPage(made, { path: LINK, look: options, expected: REFUSED }, async (page) => {
    await dialog(page).waitFor();
    await picture(page, `token-${look}`);
    assert.deepEqual(await barriers(page), []);
  }));
}
