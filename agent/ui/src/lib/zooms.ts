// The ranges that were looked at, to go back and forward through them like through pages.

export interface Range {
  from: number;
  to: number;
}

const MOST_ZOOMS = 100;

export class Zooms {
  private ranges: Range[] = [];
  private at = -1;

  /** Remembers a range as the one that is looked at; what was ahead is forgotten. */
  push(range: Range): void {
    const current = this.ranges[this.at];
    if (current && current.from === range.from && current.to === range.to) return;
    this.ranges = [...this.ranges.slice(0, this.at + 1), { ...range }].slice(-MOST_ZOOMS);
    this.at = this.ranges.length - 1;
  }

  back(): Range | null {
    if (!this.canBack) return null;
    this.at -= 1;
    return this.ranges[this.at] ?? null;
  }

  forward(): Range | null {
    if (!this.canForward) return null;
    this.at += 1;
    return this.ranges[this.at] ?? null;
  }

  get canBack(): boolean {
    return this.at > 0;
  }

  get canForward(): boolean {
    return this.at < this.ranges.length - 1;
  }
}
