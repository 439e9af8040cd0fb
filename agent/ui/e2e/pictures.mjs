// Takes the pictures of the README: `node e2e/pictures.mjs FOLDER`, with FGM_AGENT and FGM_UI_DATA as for the tests. It
// shows what the data set has: the container with most OOM kills, or else the most throttled one.
import { join } from "node:path";
import { viewed } from "./agents.mjs";
import { DARK, DESKTOP, launch, newPage, PHONE } from "./browser.mjs";

const [, , folder = "."] = process.argv;
const MEMORY = ["memory_working_set_bytes", "memory_pressure_some_percent"];
const REST_MS = 1500;

const agent = await viewed();
const browser = await launch();
const { recorded } = await agent.get("/api/instance");
const worst = async (metric, limit) => (await agent.get(
  `/api/top?metric=${metric}&limit=${limit}&from=${recorded.from}&to=${recorded.to}`)).entries.map((entry) => entry.container);
const killed = await worst("memory_events_oom_kill_per_second", 2);
const throttled = await worst("cpu_throttled_percent", 2);

await take("viewer-start", "/", DESKTOP);
await take("viewer-oom", `/#range=all&panels=${MEMORY}&containers=${killed}&studies=oom:${MEMORY[0]}`, DESKTOP, (page) =>
  page.getByRole("button", { name: /^Findings/ }).click());
await take("viewer-compare", `/#${await lifeOf(throttled)}&panels=cpu_usage_cores,cpu_throttled_percent&containers=${throttled}&compare=with:${throttled[1]}`, DARK);
await take("viewer-phone", `/#range=all&panels=${MEMORY}&containers=${killed}`, PHONE);
await browser.close();
await agent.stop();

/** The time in which at least one of them lived. */
async function lifeOf(ids) {
  const lives = (await agent.get("/api/containers")).containers.filter(({ id }) => ids.includes(id));
  const from = lives.map((one) => one.first_seen).sort()[0];
  const to = lives.map((one) => one.last_seen).sort().at(-1);
  return `from=${from}&to=${to}`;
}

async function take(name, path, look, act = async () => undefined) {
  const { page, context } = await newPage(browser, look);
  await page.goto(agent.address + path);
  await page.locator(".start, .panel").first().waitFor();
  await act(page);
  await page.waitForTimeout(REST_MS);
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await context.close();
}
