// Related series of one other container only. The agent's study `correlate` looks at all series of the node and tells whose each
// finding is in its sentence alone, so that is where the other container is found; nothing may be cut off before.
import type { Container, StudyReply } from "../data/types.ts";

export const RELATED = "correlate";
/** As many findings as the study tells at most. */
const ALL_FINDINGS = "limit:1000";

/** What is set, so that no finding is left out. */
export function setForAll(set: string[] = []): string[] {
  return [...set.filter((one) => !one.startsWith("limit:")), ALL_FINDINGS];
}

/** The findings about one container. */
export function onlyAbout(reply: StudyReply, { id, pod, container }: Pick<Container, "id" | "pod" | "container">): StudyReply {
  const name = pod !== null && container !== null ? `${pod}/${container}` : id.slice(0, 12);
  const isAbout = ({ sentence }: { sentence: string }) => sentence.startsWith(`${name} `);
  return { ...reply, series: reply.series.map((series) => ({ ...series, findings: series.findings.filter(isAbout) })) };
}
