// The filters of the chooser's list of containers, and how it is grouped and sorted.
import { useMemo } from "preact/hooks";
import type { Container } from "../data/types.ts";
import type { Arrangement, GroupBy, SortBy, State } from "./arrange.ts";

export interface ContainerFiltersProps {
  all: readonly Container[];
  asked: Arrangement;
  change: (part: Partial<Arrangement>) => void;
}

const STATES: [State, string][] = [["all", "alive and gone"], ["alive", "alive"], ["gone", "gone"], ["chosen", "chosen"]];
const GROUPS: [GroupBy, string][] = [["none", "no groups"], ["workload", "by workload"], ["pod", "by pod"],
  ["namespace", "by namespace"]];
const SORTS: [SortBy, string][] = [["newest", "newest first"], ["name", "by name"], ["cpu", "top CPU"],
  ["memory", "top memory"], ["throttling", "top throttling"], ["oom", "most OOM kills"]];
const MOST_LABELS = 500;

export function ContainerFilters({ all, asked, change }: ContainerFiltersProps) {
  const known = useMemo(() => valuesOf(all), [all]);
  return (
    <div class="filters">
      <Select label="Namespace" value={asked.namespace} none="all namespaces" options={known.namespaces}
        onChange={(namespace) => change({ namespace })} />
      <Select label="QoS class" value={asked.qos} none="all QoS classes" options={known.classes}
        onChange={(qos) => change({ qos })} />
      <Select label="Alive or gone" value={asked.state} options={STATES} onChange={(state) => change({ state: state as State })} />
      <input class="field" type="text" list="known-labels" aria-label="Labels" placeholder="labels: app=cart,!old"
        value={asked.labels} onInput={(event) => change({ labels: event.currentTarget.value })} />
      <datalist id="known-labels">{known.labels.map((pair) => <option key={pair} value={pair} />)}</datalist>
      <Select label="Group" value={asked.group} options={GROUPS} onChange={(group) => change({ group: group as GroupBy })} />
      <Select label="Sort" value={asked.sort} options={SORTS} onChange={(sort) => change({ sort: sort as SortBy })} />
    </div>
  );
}

interface SelectProps {
  label: string;
  value: string;
  /** The text of the choice that filters nothing. */
  none?: string;
  options: [string, string][];
  onChange: (value: string) => void;
}

export function Select({ label, value, none, options, onChange }: SelectProps) {
  return (
    <select class="field" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      {none !== undefined && <option value="">{none}</option>}
      {options.map(([name, text]) => <option key={name} value={name}>{text}</option>)}
    </select>
  );
}

function valuesOf(all: readonly Container[]) {
  const namespaces = new Set<string>();
  const classes = new Set<string>();
  const labels = new Set<string>();
  for (const container of all) {
    if (container.namespace) namespaces.add(container.namespace);
    if (container.qos_class) classes.add(container.qos_class);
    if (labels.size < MOST_LABELS) for (const [key, value] of Object.entries(container.labels)) labels.add(`${key}=${value}`);
  }
  const pairs = (values: Set<string>) => [...values].sort().map((value): [string, string] => [value, value]);
  return { namespaces: pairs(namespaces), classes: pairs(classes), labels: [...labels].sort() };
}
