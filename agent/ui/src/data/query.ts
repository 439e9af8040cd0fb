// A question's parameters as text, in one order, so that equal questions are equal texts.
import type { Params } from "./source.ts";

export function queryText(params: Params, without: readonly string[] = []): string {
  const pairs: string[] = [];
  for (const name of Object.keys(params).sort()) {
    const value = params[name];
    if (value === undefined || without.includes(name)) continue;
    const text = Array.isArray(value) ? value.join(",") : String(value);
    if (text !== "") pairs.push(`${name}=${encodeURIComponent(text)}`);
  }
  return pairs.join("&");
}
