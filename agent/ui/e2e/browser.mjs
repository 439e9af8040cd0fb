// A real Chromium and pages in it. A page remembers what went wrong: errors, words in the console, and what the
// Content-Security-Policy refused. Pictures of what was tested go to the folder that FGM_UI_SHOTS names.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

const PROGRAM = process.env.FGM_UI_CHROMIUM ?? "/usr/bin/chromium";
const QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WAIT_MS = 10_000;

export const DESKTOP = { viewport: { width: 1280, height: 720 } };
export const DARK = { ...DESKTOP, colorScheme: "dark" };
export const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

export function launch(more = []) {
  return chromium.launch({ executablePath: PROGRAM, args: [...QUIET, ...more] });
}

/** A page in a context of its own. `mistakes` fills with whatever must not happen. */
export async function newPage(browser, look = DESKTOP) {
  const context = await browser.newContext({ ...look, acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const mistakes = [];
  const outside = [];
  page.on("pageerror", (error) => mistakes.push(`error: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") mistakes.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (/^https?:$/.test(protocol) && hostname !== "127.0.0.1") outside.push(request.url());
  });
  return { page, context, mistakes, outside };
}

/** What axe finds that is serious or critical, a line each. */
export async function barriers(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ")}`);
}

export async function picture(page, name) {
  const folder = process.env.FGM_UI_SHOTS;
  if (folder) await page.screenshot({ path: join(folder, `${name}.png`) });
}

/** Waits until nothing on the page is being asked for and what is shown has been drawn. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelectorAll('[aria-busy="true"]').length === 0);
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}
