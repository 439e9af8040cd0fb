// Serves the built viewer on loopback as the agent does: with the strict Content-Security-Policy, and with /api and
// /metrics passed on to an agent. `node e2e/serve.mjs [PORT] [AGENT]`, or import serve().
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "img-src 'self' data: blob:",
  "font-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
].join("; ");

const TYPES = {
  ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
  ".json": "application/json",
};

/** Resolves with the address and a function that ends it. */
export function serve({ port = 0, agent, folder = fileURLToPath(new URL("../dist", import.meta.url)) }) {
  const target = new URL(agent);
  const server = createServer((asked, answer) => {
    const passedOn = /^\/(api|metrics|healthz|readyz)\b/.test(asked.url);
    if (passedOn) passOn(asked, answer, target);
    else sendFile(asked, answer, folder);
  });
  return new Promise((done) => {
    server.listen(port, "127.0.0.1", () => {
      const close = () => {
        server.closeAllConnections();
        return new Promise((closed) => server.close(closed));
      };
      done({ address: `http://127.0.0.1:${server.address().port}`, close });
    });
  });
}

function passOn(asked, answer, target) {
  const headers = { ...asked.headers, host: target.host };
  const onward = request({ host: target.hostname, port: target.port, path: asked.url, method: asked.method, headers }, (reply) => {
    answer.writeHead(reply.statusCode, reply.headers);
    reply.on("close", () => {
      if (!reply.complete) answer.destroy();
    });
    reply.pipe(answer);
  });
  onward.on("error", () => {
    if (answer.headersSent) answer.destroy();
    else answer.writeHead(502).end();
  });
  answer.on("close", () => onward.destroy());
  asked.pipe(onward);
}

function sendFile(asked, answer, folder) {
  const path = normalize(decodeURIComponent(new URL(asked.url, "http://localhost").pathname));
  const file = resolve(join(folder, path === "/" ? "index.html" : path));
  const inside = file.startsWith(resolve(folder)) && existsSync(file) && statSync(file).isFile();
  if (!inside) {
    answer.writeHead(404, { "Content-Type": "text/plain" }).end("no such file");
    return;
  }
  answer.writeHead(200, {
    "Content-Type": TYPES[extname(file)] ?? "application/octet-stream", "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache",
  });
  createReadStream(file).pipe(answer);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , port = "8060", agent = "http://127.0.0.1:8050"] = process.argv;
  const { address } = await serve({ port: Number(port), agent });
  console.log(`${address}/ shows ${agent}`);
}
