// Keeps the view and the page's address the same. A range that is being moved is written once it rests. Back and
// forward of the browser go through views.
import { effect } from "@preact/signals";
import { formatLink, parseLink } from "../lib/link.ts";
import { say } from "./notices.ts";
import { moving, nextEntry, showView, view } from "./view.ts";

const REST_MS = 250;

let timer: ReturnType<typeof setTimeout> | undefined;
let written = "";

export function startAddress(saved?: string): void {
  read(location.hash.length > 1 ? location.hash : (saved ?? ""));
  window.addEventListener("popstate", () => {
    if (location.hash !== written) read(location.hash);
  });
  effect(() => {
    const now = view.value;
    clearTimeout(timer);
    if (nextEntry.push && !moving.peek()) write(formatLink(now));
    else timer = setTimeout(() => write(formatLink(now)), REST_MS);
  });
}

function read(hash: string): void {
  const { view: next, problems } = parseLink(hash);
  written = hash;
  showView(next, false);
  problems.forEach(say);
}

function write(link: string): void {
  const push = nextEntry.push;
  nextEntry.push = false;
  if (link === written || (link === "#" && written === "")) return;
  written = link;
  const address = location.pathname + location.search + (link === "#" ? "" : link);
  try {
    if (push) history.pushState(null, "", address);
    else history.replaceState(null, "", address);
  } catch {
    // A browser may refuse it for files, or when it happens too often; the view works all the same.
  }
}
