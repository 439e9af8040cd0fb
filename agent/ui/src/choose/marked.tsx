// A text in which the letters that a search found are marked. Texts are shown as they are, never as HTML.
import { fuzzyMatch } from "../lib/fuzzy.ts";

/** Scattered letters of shorter words are marked by chance more often than not. */
const LEAST_SCATTERED = 4;

export function Marked({ text, query }: { text: string; query: string }) {
  const at = query.trim() === "" ? [] : placesOf(query, text);
  if (at.length === 0) return <>{text}</>;
  return <>{pieces(text, new Set(at)).map(({ part, found }, index) => (found ? <mark key={index}>{part}</mark> : part))}</>;
}

/** Where any word of the query is: the others may have matched another text of the same entry. */
function placesOf(query: string, text: string): number[] {
  return query.trim().split(/\s+/).flatMap((word) => {
    const at = word.length < 2 ? [] : (fuzzyMatch(word, text)?.at ?? []);
    const isRun = at.length > 0 && at.at(-1)! - at[0]! === at.length - 1;
    return isRun || word.length >= LEAST_SCATTERED ? at : [];
  });
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
