// What most tests have in common: a browser, an agent with a data set, and the containers of it that are worth a look.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { viewed } from "./agents.mjs";
import { launch, newPage, settled } from "./browser.mjs";

const HOUR_MS = 3_600_000;

/** Starts before the tests of a file and ends after them. */
export function scene(startAgent = viewed) {
  const made = {};
  before(async () => {
    made.agent = await startAgent();
    made.browser = await launch();
    Object.assign(made, await lookAround(made.agent));
  });
  after(async () => {
    await made.browser?.close();
    await made.agent?.stop();
  });
  return made;
}

/** Opens a page, and after the test has used it asserts that nothing went wrong that is not in `expected`. */
export async function withPage(made, { path = "/", look, expected = [] }, use) {
  const opened = await newPage(made.browser, look);
  try {
    await opened.page.goto(made.agent.address + path);
    await use(opened.page, opened);
    const mistakes = opened.mistakes.filter((mistake) => !expected.some((pattern) => pattern.test(mistake)));
    assert.deepEqual(mistakes, [], "the page must not complain");
    assert.deepEqual(opened.outside, [], "the page must not ask another host");
  } finally {
    await opened.context.close();
  }
}

/** A link to the last hour of the data with these panels and the busiest containers. */
export function linkTo({ lastHour, busiest }, { panels = ["cpu_usage_cores"], containers = busiest.slice(0, 2), more = "" } = {}) {
  return `/#from=${lastHour.from}&to=${lastHour.to}&panels=${panels}&containers=${containers}${more}`;
}

export async function ready(page) {
  await page.locator("#containers-list [role=option], .list-empty").first().waitFor({ state: "attached" });
  await settled(page);
}

async function lookAround(agent) {
  const { recorded } = await agent.get("/api/instance");
  const end = Date.parse(recorded.to);
  const lastHour = { from: new Date(end - HOUR_MS).toISOString(), to: new Date(end).toISOString() };
  const top = await agent.get(`/api/top?metric=cpu_usage_cores&limit=20&from=${lastHour.from}&to=${lastHour.to}`);
  const { containers, total } = await agent.get("/api/containers");
  return { recorded, lastHour, containers, total, busiest: top.entries.map((entry) => entry.container), top: top.entries };
}
