import { afterEach, describe, expect, it, vi } from "vitest";

vi.stubGlobal("sessionStorage", { getItem: () => null, setItem: () => undefined });
const { fetchFile } = await import("./file.ts");
const { giveToken, token, wanted } = await import("./token.ts");

afterEach(() => {
  token.value = null;
  wanted.value = null;
});

/** A body that comes in pieces of 4 bytes; its end is never read where it is too long. */
function inPieces(pieces: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(to) {
      if (sent === pieces) return to.close();
      sent += 1;
      to.enqueue(new Uint8Array(4));
    },
  });
}

describe("a file that the page fetches", () => {
  it("has all bytes up to the bound", async () => {
    vi.stubGlobal("fetch", async () => new Response(inPieces(3)));
    expect((await fetchFile("./api/export", 12)).size).toBe(12);
  });
  it("is refused where it is larger, and the request is given up", async () => {
    let until: AbortSignal | undefined;
    vi.stubGlobal("fetch", async (_: string, init: RequestInit) => {
      until = init.signal!;
      return new Response(inPieces(1000));
    });
    await expect(fetchFile("./api/export", 11)).rejects.toMatchObject({ sentence: expect.stringMatching(/curl and the token/) });
    expect(until?.aborted).toBe(true);
  });
  it("is refused before it is read where the agent says how large it is", async () => {
    vi.stubGlobal("fetch", async () => new Response(inPieces(1), { headers: { "content-length": "300000000" } }));
    await expect(fetchFile("./api/export")).rejects.toMatchObject({ sentence: expect.stringMatching(/^It has more than 256 MiB/) });
  });
  it("waits for the token that the agent wants", async () => {
    vi.stubGlobal("fetch", async (_: string, init: RequestInit) =>
      new Response("abc", { status: new Headers(init.headers).has("Authorization") ? 200 : 401 }));
    const file = fetchFile("./api/export");
    await vi.waitFor(() => expect(wanted.value).toBe("missing"));
    await giveToken("s3cret");
    expect(await (await file).text()).toBe("abc");
  });
  it("tells a broken connection", async () => {
    vi.stubGlobal("fetch", async () => Promise.reject(new TypeError("broken")));
    await expect(fetchFile("./api/export")).rejects.toMatchObject({ kind: "gone" });
  });
});
