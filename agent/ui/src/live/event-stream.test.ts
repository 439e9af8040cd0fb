import { describe, expect, it } from "vitest";
import { EventParser, readEvents } from "./event-stream.ts";
import type { ServerEvent } from "./event-stream.ts";

function eventsOf(...pieces: string[]): ServerEvent[] {
  const parser = new EventParser();
  return pieces.flatMap((piece) => parser.feed(piece));
}

describe("Server-Sent Events", () => {
  const SERIES = { name: "series", data: '{"t":1}' };
  it("are the same however the text is cut", () => {
    const text = ': hello\n\nevent: series\ndata: {"t":1}\n\nevent:series\ndata:{"t":1}\n\n';
    expect(eventsOf(text)).toEqual([SERIES, SERIES]);
    expect(eventsOf(...text)).toEqual([SERIES, SERIES]);
  });
  it("may have lines that end otherwise", () => {
    const text = 'event: series\r\ndata: {"t":1}\r\n\r\ndata: a\rdata: b\r\r';
    expect(eventsOf(text, "\n")).toEqual([SERIES, { name: "message", data: "a\nb" }]);
    expect(eventsOf(...text, "\n")).toEqual([SERIES, { name: "message", data: "a\nb" }]);
  });
  it("are none without data, or before their empty line", () => {
    expect(eventsOf("event: series\n\n", ": still here\n\n", "data: half\n")).toEqual([]);
  });
  it("come out of bytes that are cut within a letter", async () => {
    const bytes = new TextEncoder().encode("data: µs\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(control) {
        control.enqueue(bytes.slice(0, 7));
        control.enqueue(bytes.slice(7));
        control.close();
      },
    });
    const got: ServerEvent[] = [];
    await readEvents(body, (event) => got.push(event));
    expect(got).toEqual([{ name: "message", data: "µs" }]);
  });
});
