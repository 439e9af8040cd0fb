// Fails when the built viewer is more than one page, one script and one style sheet, when it is larger than its budget,
// or when the page has a script, a style or an address that the Content-Security-Policy would refuse.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 150_000;
const folder = process.argv[2] ?? fileURLToPath(new URL("dist", import.meta.url));

const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name));
const sizes = files.map((file) => ({ file, bytes: gzipSync(readFileSync(file), { level: 9 }).length }));
const total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
const kinds = files.map((file) => file.split(".").pop()).sort().join(" ");
const page = readFileSync(join(folder, "index.html"), "utf8");

const problems = [];
if (kinds !== "css html js") problems.push(`there are files of the kinds "${kinds}", not one each of css, html and js`);
if (total > BUDGET_BYTES) problems.push(`all files take ${total} bytes with gzip, more than ${BUDGET_BYTES}`);
if (/<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=/i.test(page)) problems.push("the page has an inline script or style");
if (/(src|href)="(https?:)?\/\//i.test(page)) problems.push("the page asks another host");

for (const { file, bytes } of sizes) console.log(`${String(bytes).padStart(7)} bytes with gzip  ${file.slice(folder.length + 1)}`);
console.log(`${String(total).padStart(7)} of ${BUDGET_BYTES}`);
for (const problem of problems) console.error(`too much: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;
