// Where answers come from: an agent over HTTP, or what a shared file carries inside itself. The rest of the viewer asks
// through `source()` and does not know which of both it is.
import { EmbeddedSource, readEmbedded } from "./embedded.ts";
import { HttpSource } from "./http.ts";

/** Values of a question by name; undefined ones are left out, lists are joined by commas. */
export type Params = Record<string, string | number | string[] | undefined>;

export interface Source {
  /** Whether the answers are in this file: nothing is fetched, nothing is live. */
  readonly embedded: boolean;
  get(path: string, params: Params, signal?: AbortSignal): Promise<unknown>;
}

let chosen: Source | null = null;

export function source(): Source {
  if (chosen === null) {
    const embedded = readEmbedded(document);
    chosen = embedded ? new EmbeddedSource(embedded) : new HttpSource();
  }
  return chosen;
}
