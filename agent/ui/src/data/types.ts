// The replies of the JSON API as types, named as docs/api.md names them.

export interface Recorded {
  from: string;
  to: string;
}

export interface Bounds {
  metrics: number;
  series: number;
  points: number;
  default_points: number;
  top: number;
  containers: number;
  events: number;
}

export interface Instance {
  node: string;
  pod: string | null;
  namespace: string | null;
  version: string;
  revision: string;
  run_id: string;
  started: string;
  interval_seconds: number;
  recorded: Recorded | null;
  bounds: Bounds;
}

export interface Metric {
  name: string;
  table: string;
  unit: string;
  help: string;
  /** Of stored columns: counter, gauge, limit or label. */
  kind?: string;
  /** Of derived metrics, in words. */
  formula?: string;
  alias?: string | null;
}

export interface Catalogue {
  metrics: Metric[];
  derived: Metric[];
}

export interface Container {
  id: string;
  parent_id: string | null;
  pod_uid: string | null;
  pod: string | null;
  namespace: string | null;
  container: string | null;
  workload: string | null;
  qos_class: string | null;
  image: string | null;
  kind: string | null;
  restart_count: number | null;
  restart_reason: string | null;
  resources: Record<string, number>;
  labels: Record<string, string>;
  role: string;
  runtime: string | null;
  path: string;
  first_seen: string;
  last_seen: string;
  alive: boolean;
}

export interface ContainerList {
  containers: Container[];
  total: number;
}

export interface FilterValue {
  value: string;
  containers: number;
}

export interface Filters {
  namespaces: FilterValue[];
  pods: FilterValue[];
  workloads: FilterValue[];
  containers: FilterValue[];
  qos_classes: FilterValue[];
  images: FilterValue[];
  nodes: FilterValue[];
  labels: { key: string; values: FilterValue[] }[];
  left_out: number;
}

/** The names of what a series or an entry belongs to; those that are not known are left out. */
export interface SubjectNames {
  container?: string;
  container_name?: string;
  namespace?: string;
  pod?: string;
  pod_uid?: string;
  workload?: string;
  node?: string;
  device?: string;
  interface?: string;
  pid?: string;
  comm?: string;
}

export interface Series extends SubjectNames {
  metric: string;
  unit: string;
  resolution: "raw" | "bucket" | "60s";
  width_ms?: number;
  t: number[];
  v?: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
  mean?: (number | null)[];
  last?: (number | null)[];
  marks?: number[];
}

export interface Timeseries {
  from: number;
  to: number;
  series: Series[];
  notes: string[];
}

export interface TopEntry extends SubjectNames {
  min: number;
  max: number;
  mean: number;
  last: number;
}

export interface Top {
  metric: string;
  unit: string;
  from: number;
  to: number;
  entries: TopEntry[];
  total: number;
}

export interface AgentEvent {
  time: string;
  kind: string;
  message: string;
  container_id?: string;
  container?: string;
  pod?: string;
  namespace?: string;
  workload?: string;
  [column: string]: string | number | boolean | undefined;
}

export interface Events {
  events: AgentEvent[];
  more: boolean;
  /** In a shared file that has not all of them: how many it has, and when the oldest of these was. */
  saved?: { count: number; oldestMs: number };
}

export interface Process {
  pid: number;
  comm: string;
  cmdline: string;
  cpu_usage_cores: number | null;
  rss_bytes?: number | null;
  pss_bytes?: number | null;
  threads?: number | null;
  open_descriptors?: number | null;
  [column: string]: string | number | null | undefined;
}

export interface Processes {
  container: string;
  time: string | null;
  processes: Process[];
}

export interface StudyParameter {
  name: string;
  help: string;
  default: number;
  min: number;
  max: number;
}

export interface Study {
  id: string;
  name: string;
  description: string;
  looks_at: string;
  parameters: StudyParameter[];
}

export interface Studies {
  studies: Study[];
}

export interface Measure {
  value: number | string | null;
  unit: string;
}

export interface Finding {
  kind: string;
  severity: "info" | "notice" | "warning" | "critical";
  from: string;
  to: string;
  confidence: number;
  sentence: string;
  measures: Record<string, Measure>;
}

export interface StudiedSeries extends SubjectNames {
  metric?: string;
  unit?: string;
  readings: number;
  step_ms: number;
  findings: Finding[];
  notes: string[];
  link?: string;
}

export interface StudyReply {
  study: string;
  from: string;
  to: string;
  series: StudiedSeries[];
  notes: string[];
}

export interface Summary extends SubjectNames {
  from: string;
  to: string;
  used: { metric: string; unit: string; mean: number; max: number; last: number }[];
  restarts: number;
  oom_kills: number;
  highlights: (Finding & { study: string })[];
  notes: string[];
  link: string;
}
