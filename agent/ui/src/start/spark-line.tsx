// A small line without axes: how a value of the node went lately. Its text is the value beside it.

const WIDTH = 120;
const HEIGHT = 28;

export function SparkLine({ values, most }: { values: readonly (number | null)[]; most?: number }) {
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {pathsOf(values, most).map((points, index) => <polyline key={index} points={points} />)}
    </svg>
  );
}

/** One line per stretch without a gap. */
function pathsOf(values: readonly (number | null)[], most?: number): string[] {
  const present = values.filter((value): value is number => value !== null);
  const top = most ?? Math.max(...present, 0) * 1.1;
  if (present.length === 0) return [];
  const paths: string[][] = [[]];
  values.forEach((value, index) => {
    if (value === null) paths.push([]);
    else {
      const x = (index / Math.max(1, values.length - 1)) * WIDTH;
      const y = HEIGHT - 2 - (top > 0 ? Math.min(1, value / top) : 0) * (HEIGHT - 4);
      paths.at(-1)!.push(`${x.toFixed(1)},${y.toFixed(1)}`);
    }
  });
  return paths.filter((path) => path.length > 0).map((path) => path.join(" "));
}
