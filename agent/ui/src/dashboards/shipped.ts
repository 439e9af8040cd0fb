// The dashboards that come with the viewer, by the name that `?dashboard=NAME` has.

const files = import.meta.glob<string>("../../dashboards/*.json", { query: "?raw", import: "default", eager: true });

export const SHIPPED: ReadonlyMap<string, string> = new Map(
  Object.entries(files).map(([path, text]) => [path.split("/").pop()!.replace(/\.json$/, ""), text]),
);
