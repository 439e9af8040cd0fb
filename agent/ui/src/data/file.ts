// A file that the agent writes and the page fetches, because a link cannot send the token. All of it is in memory until it is
// saved, so its size is bounded. It waits for the token like any question.
import { Failure } from "./failure.ts";
import { fetchOnceAllowed } from "./token.ts";

export const MOST_FILE_BYTES = 256 * 1024 * 1024;

export async function fetchFile(address: string, most = MOST_FILE_BYTES): Promise<Blob> {
  const giveUp = new AbortController();
  try {
    const answer = await fetchOnceAllowed(address, { signal: giveUp.signal });
    if (!answer.ok) throw new Failure("refused", `The agent answered with status ${answer.status}.`, answer.status);
    if (Number(answer.headers.get("content-length") ?? 0) > most) throw tooLarge(most);
    return await bytesOf(answer, most);
  } catch (thrown) {
    giveUp.abort();
    throw thrown instanceof Failure ? thrown : new Failure("gone", "The agent does not answer, or the connection broke; try again.");
  }
}

async function bytesOf(answer: Response, most: number): Promise<Blob> {
  const reader = answer.body?.getReader();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  for (;;) {
    const piece = await reader?.read();
    if (!piece || piece.done) return new Blob(parts);
    bytes += piece.value.length;
    if (bytes > most) throw tooLarge(most);
    parts.push(piece.value);
  }
}

function tooLarge(most: number): Failure {
  return new Failure("refused", `It has more than ${Math.round(most / 1024 / 1024)} MiB, which is as much as the page fetches with a token. `
    + "Choose a shorter range or fewer containers, or fetch it with curl and the token.");
}
