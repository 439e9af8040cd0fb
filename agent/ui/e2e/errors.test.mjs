// What goes wrong: unknown names in a link, an agent that is busy, names that look like HTML. Each is told in place, the
// rest works, and nothing from data becomes a part of the page.
import assert from "node:assert/strict";
import { test } from "node:test";
import { picture } from "./browser.mjs";
import { linkTo, ready, scene, withPage } from "./scene.mjs";

const made = scene();
const HTML = `<img src=x onerror="window.hurt = true"><script>window.hurt = true</script>`;

test("an unknown metric and an unknown container", () => withPage(made, {
  path: linkTo(made, { panels: ["no_such_metric", "cpu_usage_cores"], containers: ["zzzzzzzz", made.busiest[0]] }),
}, async (page) => {
  await ready(page);
  await page.locator('[data-panel="no_such_metric"]').getByRole("alert").waitFor();
  await page.getByText(/zzzzzzzz/).first().waitFor();
  await page.locator("[data-panel=cpu_usage_cores] .legend-row").first().waitFor();
  await picture(page, "errors-unknown");
}));

test("a link of nonsense", () => withPage(made, { path: "/#from=soon&to=%zz&range=fast&panels=%E0%A4%A&containers=,,&x=<b>" }, async (page) => {
  await ready(page);
  assert.ok((await page.locator(".page-notice").count()) >= 1);
  await page.getByRole("heading", { name: /Most CPU/ }).waitFor();
}));

test("a busy agent is told, and asked again", () => withPage(made, { expected: [/503/] }, async (page) => {
  let busy = true;
  await page.route("**/api/timeseries*", (route) => busy
    ? route.fulfill({ status: 503, contentType: "application/json", body: `{"error":"too many answers at once"}` })
    : route.continue());
  await page.goto(made.agent.address + linkTo(made));
  await page.reload();
  await page.locator("[data-panel=cpu_usage_cores]").getByText(/busy/).waitFor({ timeout: 20_000 });
  await picture(page, "errors-busy");
  assert.ok(await page.locator("#containers-list [role=option]").first().isVisible());
  busy = false;
  await page.getByRole("button", { name: "6h", exact: true }).click();
  await page.locator("[data-panel=cpu_usage_cores] .legend-row").first().waitFor();
}));

test("names with HTML in them are text", () => withPage(made, {}, async (page) => {
  const names = /"(pod|container_name|namespace|workload|image|message|sentence|comm|cmdline)":"[^"]*"/g;
  const hurtful = async (route) => {
    try {
      const answer = await route.fetch();
      const body = (await answer.text()).replace(names, (_, key) => `"${key}":${JSON.stringify(HTML)}`);
      await route.fulfill({ response: answer, body });
    } catch {
      // The page went on, or is closed, before the answer was there.
    }
  };
  await page.route(/\/api\/(containers|top|events|timeseries|processes|study)/, hurtful);
  await page.goto(made.agent.address + linkTo(made, { more: "&studies=changepoint,throttling" }));
  await page.reload();
  await ready(page);
  for (const drawer of ["Events", "Processes", "Compare", "Findings"]) {
    await page.getByRole("button", { name: new RegExp(`^${drawer}`) }).click();
    await ready(page);
  }
  await picture(page, "errors-html");
  await page.getByTitle("To the start page").click();
  await page.locator(".top-name", { hasText: "<img src=x" }).first().waitFor();
  assert.equal(await page.evaluate(() => window.hurt), undefined);
  assert.equal(await page.locator("#app img, #app script").count(), 0);
}));

test("a policy that lets nothing else in", async () => {
  const answer = await fetch(made.agent.address, { headers: { accept: "text/html" } });
  const policy = answer.headers.get("content-security-policy") ?? "";
  for (const part of ["default-src 'none'", "script-src 'self'", "connect-src 'self'"]) assert.ok(policy.includes(part), part);
  assert.ok(!/unsafe/.test(policy));
  assert.doesNotMatch(await answer.text(), /<script(?![^>]*\bsrc=)|\sstyle=|\son\w+=/);
});
