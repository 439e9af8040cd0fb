// Answers that were got lately, the least recently used ones dropped first. Bounded by the size of their text.

const MOST_CHARS = 12_000_000;

interface Kept {
  reply: unknown;
  chars: number;
}

export class RecentReplies {
  private kept = new Map<string, Kept>();
  private chars = 0;

  constructor(private readonly mostChars = MOST_CHARS) {}

  get(key: string): unknown {
    const found = this.kept.get(key);
    if (!found) return undefined;
    this.kept.delete(key);
    this.kept.set(key, found);
    return found.reply;
  }

  put(key: string, reply: unknown, chars: number): void {
    this.drop(key);
    if (chars > this.mostChars / 2) return;
    this.kept.set(key, { reply, chars });
    this.chars += chars;
    for (const oldest of this.kept.keys()) {
      if (this.chars <= this.mostChars) break;
      this.drop(oldest);
    }
  }

  clear(): void {
    this.kept.clear();
    this.chars = 0;
  }

  private drop(key: string): void {
    const found = this.kept.get(key);
    if (!found) return;
    this.kept.delete(key);
    this.chars -= found.chars;
  }
}
