// The findings of a study over all of its series, the gravest first, then by time.
import type { Finding, StudiedSeries, StudyReply } from "../data/types.ts";

export interface Found {
  series: StudiedSeries;
  finding: Finding;
}

const RANKS = ["critical", "warning", "notice", "info"];

export function ordered(reply: StudyReply): Found[] {
  const all = reply.series.flatMap((series) => series.findings.map((finding) => ({ series, finding })));
  const rank = ({ finding }: Found) => RANKS.indexOf(finding.severity);
  return all.sort((a, b) => rank(a) - rank(b) || Date.parse(a.finding.from) - Date.parse(b.finding.from));
}

/** Each note once, with how many series it is about. */
export function notesOf(reply: StudyReply): string[] {
  const counts = new Map<string, number>();
  for (const note of [...reply.notes, ...reply.series.flatMap((series) => series.notes)]) {
    counts.set(note, (counts.get(note) ?? 0) + 1);
  }
  return [...counts].map(([note, count]) => (count === 1 ? note : `${note} (${count} series)`));
}

/** What to look at for a finding: its time with a margin, never so short that there is nothing to see. */
export function rangeAround({ from, to }: Finding, stepMs: number): { from: number; to: number } {
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  const margin = Math.max((end - begin) * 0.25, stepMs * 30);
  return { from: begin - margin, to: end + margin };
}
