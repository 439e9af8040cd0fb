// Values as text with their unit. Units are those of the catalogue (`/api/metrics`) and of what studies measure.
// Bytes are counted in KiB and so on; times in what they are large enough for. The one surprise: all ticks of an axis
// share one scale, that of the largest.

interface Scale {
  factor: number;
  name: string;
}

const BYTES: Scale[] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"].map((name, power) => ({ factor: 1024 ** power, name }));
const COUNTS: Scale[] = ["", "k", "M", "G", "T"].map((name, power) => ({ factor: 1000 ** power, name }));
const USECS: Scale[] = [
  { factor: 1, name: "µs" },
  { factor: 1e3, name: "ms" },
  { factor: 1e6, name: "s" },
  { factor: 60e6, name: "min" },
  { factor: 3600e6, name: "h" },
  { factor: 86400e6, name: "d" },
];
const USEC_RATES: Scale[] = USECS.slice(0, 3);
const SECONDS: Scale[] = USECS.map(({ factor, name }) => ({ factor: factor / 1e6, name }));
const CORES: Scale[] = [{ factor: 1, name: "cores" }];

/** Counts below this are written in full. */
const MOST_WHOLE = 100_000;

interface Family {
  scales: Scale[];
  /** What follows the scale's name, such as "/s". */
  suffix: string;
  /** Ticks of an axis go without the name: it would be the same long word at each. */
  bareTicks?: boolean;
}

const FAMILIES: Record<string, Family> = {
  bytes: { scales: BYTES, suffix: "" },
  "bytes/s": { scales: BYTES, suffix: "/s" },
  usec: { scales: USECS, suffix: "" },
  "usec/s": { scales: USEC_RATES, suffix: "/s" },
  seconds: { scales: SECONDS, suffix: "" },
  s: { scales: SECONDS, suffix: "" },
  "s/s": { scales: SECONDS.slice(0, 3), suffix: "/s" },
  cores: { scales: CORES, suffix: "", bareTicks: true },
  millicores: { scales: [{ factor: 1, name: "millicores" }], suffix: "", bareTicks: true },
  percent: { scales: [{ factor: 1, name: "%" }], suffix: "" },
  count: { scales: COUNTS, suffix: "" },
  "1/s": { scales: COUNTS, suffix: "/s" },
  milli: { scales: [{ factor: 1000, name: "" }], suffix: "" },
};

/** The unit in words, for the title of an axis. */
export function unitName(unit: string): string {
  const names: Record<string, string> = { "1/s": "per second", "usec/s": "time per second", "s/s": "time per second",
    "bytes/s": "bytes per second", usec: "time", milli: "", percent: "percent" };
  return names[unit] ?? unit;
}

export function formatValue(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return "–";
  const family = familyOf(unit);
  const whole = family.scales === COUNTS && Math.abs(value) < MOST_WHOLE;
  const scale = whole ? COUNTS[0]! : scaleFor(Math.abs(value), family.scales);
  return join(significant(value / scale.factor), scale.name + family.suffix);
}

export function axisFormatter(unit: string): (values: number[]) => string[] {
  const family = familyOf(unit);
  return (values) => {
    const largest = Math.max(0, ...values.map(Math.abs).filter(Number.isFinite));
    const scale = scaleFor(largest, family.scales);
    const decimals = decimalsFor(values.map((value) => value / scale.factor));
    const name = family.bareTicks ? "" : scale.name + family.suffix;
    return values.map((value) => join(grouped((value / scale.factor).toFixed(decimals)), name));
  };
}

function familyOf(unit: string): Family {
  const family = Object.hasOwn(FAMILIES, unit) ? FAMILIES[unit] : undefined;
  return family ?? { scales: [{ factor: 1, name: unit }], suffix: "", bareTicks: true };
}

function scaleFor(size: number, scales: Scale[]): Scale {
  let chosen = scales[0]!;
  for (const scale of scales) if (size >= scale.factor * 0.9995) chosen = scale;
  return chosen;
}

function significant(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.0005) return String(Number(value.toPrecision(2)));
  if (size >= 100) return grouped(value.toFixed(0));
  const decimals = size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return String(Number(value.toFixed(decimals)));
}

/** As many decimals as neighbouring ticks need to differ. */
function decimalsFor(values: number[]): number {
  let step = Number.POSITIVE_INFINITY;
  for (let index = 1; index < values.length; index += 1) {
    const distance = Math.abs(values[index]! - values[index - 1]!);
    if (distance > 0) step = Math.min(step, distance);
  }
  if (!Number.isFinite(step)) step = Math.abs(values[0] ?? 1) || 1;
  for (let decimals = 0; decimals < 6; decimals += 1) {
    const rounded = Number(step.toFixed(decimals));
    if (rounded > 0 && Math.abs(rounded - step) < step * 0.01) return decimals;
  }
  return 6;
}

function grouped(digits: string): string {
  const [whole = "", fraction] = digits.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  return fraction === undefined ? spaced : `${spaced}.${fraction}`;
}

function join(number: string, name: string): string {
  if (name === "") return number;
  return name.startsWith("/") ? `${number}${name}` : `${number}\u00a0${name}`;
}
