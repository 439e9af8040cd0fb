// Real agents for the tests: one that shows a data set, one that records this machine. FGM_AGENT names the program,
// FGM_UI_DATA the data set (made by generate-bench-data). An agent that has the viewer built in serves it itself;
// otherwise, or where FGM_UI_OUT names a folder, built files are served in front of it.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { serve } from "./serve.mjs";

const BUILT = fileURLToPath(new URL("../../../target/release/fgm-agent", import.meta.url));
export const PROGRAM = process.env.FGM_AGENT ?? BUILT;
const START_MS = 60_000;

export const DATA = process.env.FGM_UI_DATA;

export function viewed(data = DATA) {
  if (!data) throw new Error("FGM_UI_DATA must name a data set that generate-bench-data made");
  return start(["view", "--data", data]);
}

/** An agent that records all cgroups of this machine; its data goes when it is stopped. */
export async function recording() {
  const folder = mkdtempSync(join(tmpdir(), "fgm-ui-live-"));
  return withFolder(folder, await start(["run", "--data", folder, "--scope", "all"]));
}

/** The same, which wants a token. Whoever has `setToken` can have it want another one. */
export async function guarded(token) {
  const folder = mkdtempSync(join(tmpdir(), "fgm-ui-token-"));
  const file = join(folder, "token");
  const setToken = (text) => writeFileSync(file, text, { mode: 0o600 });
  setToken(token);
  const agent = await start(["run", "--data", join(folder, "data"), "--scope", "all", "--token-file", file], token);
  return { ...withFolder(folder, agent), setToken };
}

function withFolder(folder, agent) {
  const { stop } = agent;
  return { ...agent, stop: () => stop().finally(() => rmSync(folder, { recursive: true, force: true })) };
}

async function start(args, token) {
  const port = await freePort();
  const agent = `http://127.0.0.1:${port}`;
  const run = () => spawn(PROGRAM, [...args, "--listen", `127.0.0.1:${port}`], { stdio: ["ignore", "ignore", "pipe"] });
  let child = run();
  await answers(agent, child);
  const front = await inFrontOf(agent);
  return {
    address: front.address,
    agent,
    get: async (path) => (await fetch(agent + path, token ? { headers: { authorization: `Bearer ${token}` } } : {})).json(),
    /** Ends the agent at once, as a crash does. */
    kill: () => ended(child, "SIGKILL"),
    restart: async () => {
      child = run();
      await answers(agent, child);
    },
    stop: async () => {
      await front.close();
      await ended(child, "SIGTERM");
    },
  };
}

async function answers(agent, child) {
  let said = "";
  child.stderr.on("data", (text) => { said = (said + text).slice(-2000); });
  child.on("error", (error) => { said = String(error); });
  for (const end = Date.now() + START_MS; Date.now() < end; await pause(50)) {
    if (child.exitCode !== null || child.pid === undefined) throw new Error(`${PROGRAM} ended: ${said}`);
    const ready = await fetch(`${agent}/readyz`).then((answer) => answer.ok, () => false);
    if (ready) return;
  }
  throw new Error(`${PROGRAM} is not ready: ${said}`);
}

async function inFrontOf(agent) {
  const folder = process.env.FGM_UI_OUT;
  if (!folder && await servesViewer(agent)) return { address: agent, close: async () => undefined };
  return serve(folder ? { agent, folder } : { agent });
}

async function servesViewer(agent) {
  const answer = await fetch(`${agent}/`, { headers: { accept: "text/html" } });
  return (answer.headers.get("content-type") ?? "").startsWith("text/html");
}

function ended(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((done) => {
    child.once("exit", () => done());
    child.kill(signal);
  });
}

function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

export function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}
