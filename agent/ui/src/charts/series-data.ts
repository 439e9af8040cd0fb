// What one panel shows, and getting it: asks for what its pixels need, keeps the old lines until the new ones are
// there, takes live points. While the range is moved by hand, one question at a time and a little more than is seen.
import { signal } from "@preact/signals";
import * as api from "../data/api.ts";
import { isAbort, sentenceOf } from "../data/failure.ts";
import type { Series } from "../data/types.ts";
import { isOfNode } from "../state/names.ts";
import { extended, keyOf, linesOf } from "./lines.ts";
import type { Line } from "./lines.ts";
import { limitOf } from "./limits.ts";

export interface Wanted {
  range: api.Range;
  ids: string[];
  /** Points per line, as many as there are pixels. */
  points: number;
  follows: boolean;
  streaming: boolean;
  moving: boolean;
}

const MARGIN_WHILE_MOVING = 0.3;
const WAIT_WHILE_MOVING_MS = 80;
const LIMIT_POINTS = 120;
const MANY_LINES = 12;
const TRY_AGAIN_MS = 3000;
/** Without a stream, a range that follows now is asked for anew this often. */
const ASK_WITHOUT_STREAM_MS = 5000;
const ASK_WITH_STREAM_MS = 15_000;
/** For live points of series that the last answer lacks, not more often than this. */
const ASK_FOR_NEW_MS = 2000;

export class SeriesData {
  readonly lines = signal<Line[]>([]);
  readonly limits = signal<Line[]>([]);
  readonly loading = signal(false);
  readonly problem = signal<string | null>(null);
  readonly notes = signal<string[]>([]);

  private got: { what: string; range: api.Range; exact: boolean; widthMs: number } | null = null;
  private wanted: Wanted | null = null;
  private asking: AbortController | null = null;
  private askedMoving = false;
  private askedForNewMs = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** Live points that came while an answer was on its way: it may lack them. */
  private meanwhile: Series[][] = [];

  constructor(readonly metric: string) {}

  want(wanted: Wanted): void {
    this.wanted = wanted;
    if (!isOfNode(this.metric) && wanted.ids.length === 0) {
      this.clear();
      return;
    }
    if (!this.isStale(wanted)) return;
    if (this.asking && this.askedMoving && wanted.moving) return;
    clearTimeout(this.timer);
    if (wanted.moving) this.timer = setTimeout(() => void this.ask(), WAIT_WHILE_MOVING_MS);
    else void this.ask();
  }

  /** What was got is no longer to be relied upon: readings may be missing. */
  forget(): void {
    this.got = null;
    if (this.wanted) this.want(this.wanted);
  }

  append(series: Series[]): void {
    if (this.asking) this.meanwhile.push(series);
    if (!this.got || !this.wanted) return;
    const byKey = new Map(series.filter((one) => one.metric === this.metric && one.t.length > 0).map((one) => [keyOf(one), one]));
    if (byKey.size === 0) return;
    const fromMs = this.wanted.range.from;
    this.appendLimits(series, fromMs);
    this.lines.value = this.lines.peek().map((line) => {
      const more = byKey.get(line.key);
      byKey.delete(line.key);
      return more ? extended(line, more, fromMs) : line;
    });
    if (byKey.size > 0) this.askForNew();
    else if (this.got.exact) this.got.range = { from: Math.max(this.got.range.from, fromMs), to: this.wanted.range.to };
  }

  /** Of series that are new only an answer tells where their lines begin. */
  private askForNew(): void {
    if (this.asking || Date.now() - this.askedForNewMs < ASK_FOR_NEW_MS) return;
    this.askedForNewMs = Date.now();
    this.forget();
  }

  private appendLimits(series: Series[], fromMs: number): void {
    const limit = limitOf(this.metric);
    const byKey = new Map(series.filter((one) => one.metric === limit && one.t.length > 0).map((one) => [keyOf(one), one]));
    if (byKey.size === 0) return;
    this.limits.value = this.limits.peek().map((line) => {
      const more = byKey.get(line.key);
      return more ? extended(line, more, fromMs) : line;
    });
  }

  dispose(): void {
    this.asking?.abort();
    clearTimeout(this.timer);
  }

  private clear(): void {
    this.dispose();
    this.asking = null;
    this.got = null;
    this.lines.value = [];
    this.limits.value = [];
    this.loading.value = false;
    this.problem.value = null;
    this.notes.value = [];
  }

  private isStale(wanted: Wanted): boolean {
    const { got } = this;
    if (!got || got.what !== this.whatOf(wanted)) return true;
    const { from, to } = wanted.range;
    if (got.exact && from >= got.range.from && to <= got.range.to) return false;
    if (wanted.follows && from >= got.range.from) {
      const often = wanted.streaming ? Math.max(ASK_WITH_STREAM_MS, got.widthMs) : ASK_WITHOUT_STREAM_MS;
      const sameSpan = Math.abs(to - from - (got.range.to - got.range.from)) < 0.02 * (to - from);
      if (to - got.range.to < often && (sameSpan || got.exact)) return false;
    }
    return from !== got.range.from || to !== got.range.to;
  }

  private whatOf({ ids, points }: Wanted): string {
    return `${points}|${ids.join(",")}`;
  }

  private async ask(): Promise<void> {
    const wanted = this.wanted!;
    this.asking?.abort();
    const asking = new AbortController();
    this.asking = asking;
    this.askedMoving = wanted.moving;
    this.meanwhile = [];
    this.loading.value = true;
    const margin = wanted.moving ? MARGIN_WHILE_MOVING * (wanted.range.to - wanted.range.from) : 0;
    const range = { from: Math.floor(wanted.range.from - margin), to: Math.ceil(wanted.range.to + margin) };
    const points = Math.round(wanted.points * (margin > 0 ? 1 + 2 * MARGIN_WHILE_MOVING : 1));
    try {
      const container = isOfNode(this.metric) ? undefined : wanted.ids;
      const many = wanted.ids.length > MANY_LINES ? 2 : 1;
      const question = { metric: [this.metric], container, points: Math.ceil(points / many) };
      const reply = await api.timeseries(question, range, asking.signal);
      this.take(linesOf(reply.series), reply.notes, range, wanted);
      void this.askLimits(container, range, asking.signal);
    } catch (thrown) {
      if (isAbort(thrown)) return;
      this.problem.value = sentenceOf(thrown);
      this.timer = setTimeout(() => this.wanted && this.want(this.wanted), TRY_AGAIN_MS);
    }
    if (this.asking !== asking) return;
    this.asking = null;
    for (const series of this.meanwhile) this.append(series);
    this.meanwhile = [];
    this.loading.value = false;
    if (this.problem.peek() === null && this.wanted) this.want(this.wanted);
  }

  private take(lines: Line[], notes: string[], range: api.Range, wanted: Wanted): void {
    const exact = lines.every((line) => line.widthMs === 0);
    const widthMs = Math.max(0, ...lines.map((line) => line.widthMs));
    this.got = { what: this.whatOf(wanted), range, exact, widthMs };
    this.problem.value = null;
    this.notes.value = notes;
    this.lines.value = lines;
  }

  private async askLimits(container: string[] | undefined, range: api.Range, signal: AbortSignal): Promise<void> {
    const limit = limitOf(this.metric);
    if (limit === null) return;
    try {
      const reply = await api.timeseries({ metric: [limit], container, points: LIMIT_POINTS }, range, signal);
      this.limits.value = linesOf(reply.series);
    } catch {
      // The lines are shown without their limit rather than not at all.
    }
  }
}
