// Sentences for the reader that belong to no part of the page: a link that cannot be read in full, a limit that was
// reached. They stay until they are dismissed, at most a few.
import { signal } from "@preact/signals";

const MOST_NOTICES = 4;

export const notices = signal<string[]>([]);

export function say(sentence: string): void {
  if (notices.peek().includes(sentence)) return;
  notices.value = [...notices.peek(), sentence].slice(-MOST_NOTICES);
}

export function dismiss(sentence: string): void {
  notices.value = notices.peek().filter((other) => other !== sentence);
}
