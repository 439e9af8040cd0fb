// Fuzzy search: which texts a few typed letters mean, and how well. A whole run of letters beats scattered ones, the
// begin of a word beats its middle. Several words may match in several texts of one item, but each must match somewhere.

export interface FuzzyMatch {
  score: number;
  /** Where in the text the letters of the query are. */
  at: number[];
}

const RUN = 100;
const WHOLE = 60;
const AT_START = 40;
const AT_WORD = 25;
/** Letters that are scattered further than this, per letter of the query, are no match but chance. */
const SPREAD = 3;
/** Fewer letters are somewhere in every text. */
const LEAST_SCATTERED = 3;

export function fuzzyMatch(query: string, text: string): FuzzyMatch | null {
  const at: number[] = [];
  let score = 0;
  for (const word of words(query)) {
    const match = matchWord(word, text);
    if (!match) return null;
    score += match.score;
    at.push(...match.at);
  }
  return { score, at: [...new Set(at)].sort((a, b) => a - b) };
}

export function fuzzyFilter<T>(query: string, items: readonly T[], texts: (item: T) => string[]): T[] {
  const wanted = words(query);
  if (wanted.length === 0) return [...items];
  const scored: { item: T; score: number }[] = [];
  for (const item of items) {
    const score = scoreItem(wanted, texts(item));
    if (score !== null) scored.push({ item, score });
  }
  return scored.sort((a, b) => b.score - a.score).map((entry) => entry.item);
}

function scoreItem(wanted: string[], texts: string[]): number | null {
  let sum = 0;
  for (const word of wanted) {
    let best: number | null = null;
    for (const text of texts) {
      const score = scoreWord(word, text.toLowerCase());
      if (score !== null && (best === null || score > best)) best = score;
    }
    if (best === null) return null;
    sum += best;
  }
  return sum;
}

function words(query: string): string[] {
  return query.toLowerCase().split(/\s+/).filter((word) => word !== "");
}

function matchWord(word: string, text: string): FuzzyMatch | null {
  const lower = text.toLowerCase();
  const start = runStart(word, lower);
  if (start < 0) return word.length < LEAST_SCATTERED ? null : matchScattered(word, lower);
  return { score: runScore(word, lower, start), at: Array.from(word, (_, offset) => start + offset) };
}

/** The score alone, which is all that thousands of entries need. */
function scoreWord(word: string, lower: string): number | null {
  const start = runStart(word, lower);
  if (start >= 0) return runScore(word, lower, start);
  return word.length < LEAST_SCATTERED ? null : (matchScattered(word, lower)?.score ?? null);
}

/** Where the word is in the text, at the begin of a word if it is at any; -1 if it is not. */
function runStart(word: string, text: string): number {
  const first = text.indexOf(word);
  for (let next = first; next >= 0; next = text.indexOf(word, next + 1)) {
    if (startsWord(text, next)) return next;
  }
  return first;
}

function runScore(word: string, text: string, start: number): number {
  let score = RUN + word.length;
  if (text.length === word.length) score += WHOLE;
  if (start === 0) score += AT_START;
  else if (startsWord(text, start)) score += AT_WORD;
  return score - Math.min(20, (text.length - word.length) / 4);
}

function matchScattered(word: string, text: string): FuzzyMatch | null {
  let best: FuzzyMatch | null = null;
  for (let start = text.indexOf(word[0]!); start >= 0; start = text.indexOf(word[0]!, start + 1)) {
    const match = scatteredFrom(word, text, start);
    if (!match) break;
    if (match.at.at(-1)! - start < word.length * SPREAD && (!best || match.score > best.score)) best = match;
  }
  return best;
}

/** null where the rest of the text lacks a letter, so that a later start cannot have it either. */
function scatteredFrom(word: string, text: string, start: number): FuzzyMatch | null {
  const at = [start];
  let score = startsWord(text, start) ? AT_WORD : 0;
  for (const letter of word.slice(1)) {
    const before = at.at(-1)!;
    const next = text.indexOf(letter, before + 1);
    if (next < 0) return null;
    if (next === before + 1) score += 4;
    else score += startsWord(text, next) ? 6 : -2 * Math.min(5, next - before);
    at.push(next);
  }
  return { score: Math.min(RUN - 1, score), at };
}

function startsWord(text: string, index: number): boolean {
  return index === 0 || !isWordLetter(text.charCodeAt(index - 1));
}

function isWordLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57);
}
