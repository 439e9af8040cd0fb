import { afterEach, describe, expect, it, vi } from "vitest";

const kept = new Map<string, string>();
vi.stubGlobal("sessionStorage", {
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, value: string) => kept.set(name, value),
  removeItem: (name: string) => kept.delete(name),
});
const { fetchOnceAllowed, giveToken, token, wanted } = await import("./token.ts");

/** An agent that wants this token. */
function agentWants(right: string) {
  const fetched = vi.fn(async (_address: string, init: RequestInit) => {
    const sent = new Headers(init.headers).get("Authorization");
    return new Response("{}", { status: sent === `Bearer ${right}` ? 200 : 401 });
  });
  vi.stubGlobal("fetch", fetched);
  return fetched;
}

function asked(signal = new AbortController().signal) {
  return fetchOnceAllowed("./api/x", { signal });
}

afterEach(() => {
  token.value = null;
  wanted.value = null;
  kept.clear();
});

describe("the token", () => {
  it("is waited for, then sent with what was asked before", async () => {
    const fetched = agentWants("s3cret");
    const both = Promise.all([asked(), asked()]);
    await vi.waitFor(() => expect(wanted.value).toBe("missing"));
    expect(await giveToken(" s3cret\n")).toBeNull();
    expect((await both).map(({ status }) => status)).toEqual([200, 200]);
    expect(wanted.value).toBeNull();
    expect(kept.get("fgm.token")).toBe("s3cret");
    expect(fetched.mock.calls.every(([address]) => !address.includes("s3cret"))).toBe(true);
  });
  it("is told to be wrong, and not kept", async () => {
    agentWants("s3cret");
    expect(await giveToken("guess")).toMatch(/does not take this token/);
    expect(await giveToken("two words")).toMatch(/one word/);
    expect([token.value, kept.size]).toEqual([null, 0]);
  });
  it("is asked for again when the agent takes another one", async () => {
    agentWants("first");
    await giveToken("first");
    agentWants("second");
    const answer = asked();
    await vi.waitFor(() => expect(wanted.value).toBe("wrong"));
    await giveToken("second");
    expect((await answer).status).toBe(200);
  });
  it("is not waited for by who gave up", async () => {
    agentWants("s3cret");
    const leave = new AbortController();
    const left = asked(leave.signal);
    await vi.waitFor(() => expect(wanted.value).toBe("missing"));
    leave.abort();
    await expect(left).rejects.toThrow();
    await expect(asked(leave.signal)).rejects.toThrow();
  });
  it("is not tried without end", async () => {
    const timeout = vi.spyOn(AbortSignal, "timeout").mockReturnValue(AbortSignal.abort(new DOMException("", "TimeoutError")));
    vi.stubGlobal("fetch", async (_: string, { signal }: RequestInit) => signal?.throwIfAborted());
    expect(await giveToken("s3cret")).toBe("The agent has not answered for 30 s; try again.");
    expect([timeout.mock.calls, token.value]).toEqual([[[30_000]], null]);
    timeout.mockRestore();
  });
});
