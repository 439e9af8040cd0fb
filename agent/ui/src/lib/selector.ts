// Which containers a dashboard means: by namespace, by labels in the words of Kubernetes (`app=cart,tier!=web,team,!old`),
// and by a name with * and ?. A pattern is compared letter by letter, not as a regular expression, so none is slow.
import type { ContainerChoice } from "./dashboard.ts";

export interface Named {
  namespace: string | null;
  pod: string | null;
  container: string | null;
  workload: string | null;
  labels: Record<string, string>;
}

export function isChosen(container: Named, choice: ContainerChoice): boolean {
  if (choice.namespace !== undefined && !matchesPattern(choice.namespace, container.namespace ?? "")) return false;
  if (choice.label_selector !== undefined && !matchesLabels(choice.label_selector, container.labels)) return false;
  if (choice.name_pattern === undefined) return true;
  return namesOf(container).some((name) => matchesPattern(choice.name_pattern!, name));
}

export function matchesLabels(selector: string | Record<string, string>, labels: Record<string, string>): boolean {
  if (typeof selector !== "string") return Object.entries(selector).every(([key, value]) => labelOf(labels, key) === value);
  return selector.split(",").map((term) => term.trim()).filter((term) => term !== "").every((term) => matchesTerm(term, labels));
}

/** Whole text against a pattern in which * is any letters and ? is one. */
export function matchesPattern(pattern: string, text: string): boolean {
  let [at, place, star, kept] = [0, 0, -1, 0];
  while (place < text.length) {
    if (pattern[at] === "*") [star, kept, at] = [at, place, at + 1];
    else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === text[place])) [at, place] = [at + 1, place + 1];
    else if (star >= 0) [at, kept, place] = [star + 1, kept + 1, kept + 1];
    else return false;
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

function matchesTerm(term: string, labels: Record<string, string>): boolean {
  const found = /^(!?)([^=!]+?)\s*(?:(==?|!=)\s*(.*))?$/.exec(term);
  if (!found) return false;
  const [, not, key, operator, value = ""] = found;
  const label = labelOf(labels, key!.trim());
  if (operator === undefined) return (label !== undefined) === (not === "");
  return operator === "!=" ? label !== value : label === value;
}

function labelOf(labels: Record<string, string>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function namesOf({ pod, container, workload }: Named): string[] {
  const names = [pod, container, workload, workload?.split("/")[1], pod && container ? `${pod}/${container}` : null];
  return names.filter((name): name is string => Boolean(name));
}
