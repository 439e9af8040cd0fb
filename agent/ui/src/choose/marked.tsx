// A text in which the letters that a search found are marked. Texts are shown as they are, never as HTML.
import { fuzzyMatch } from "../lib/fuzzy.ts";

export function Marked({ text, query }: { text: string; query: string }) {
  const at = query.trim() === "" ? [] : placesOf(query, text);
  if (at.length === 0) return <>{text}</>;
  return <>{pieces(text, new Set(at)).map(({ part, found }, index) => (found ? <mark key={index}>{part}</mark> : part))}</>;
}

/** Where any word of the query is: the others may have matched another text of the same entry. */
function placesOf(query: string, text: string): number[] {
  return query.trim().split(/\s+/).flatMap((word) => (word.length < 2 ? [] : (fuzzyMatch(word, text)?.at ?? [])));
}

function pieces(text: string, at: Set<number>): { part: string; found: boolean }[] {
  const result: { part: string; found: boolean }[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const found = at.has(index);
    const last = result.at(-1);
    if (last && last.found === found) last.part += text[index];
    else result.push({ part: text[index]!, found });
  }
  return result;
}
