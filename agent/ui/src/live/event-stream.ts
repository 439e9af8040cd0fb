// Server-Sent Events out of the body of an answer, as the HTML standard says: lines that end in LF, CR or both, fields that
// become an event at an empty line. An `EventSource` would do it too, but cannot send a token.

export interface ServerEvent {
  name: string;
  data: string;
}

export class EventParser {
  private rest = "";
  private name = "";
  private data: string[] = [];

  /** The events that this piece of text completes. */
  feed(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const whole = this.rest + text;
    // A CR at the end may be half of a line's end.
    const lines = whole.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop()!;
    for (const line of lines) {
      if (line !== "") this.field(line);
      else if (this.data.length > 0) events.push({ name: this.name || "message", data: this.data.join("\n") });
      if (line === "") {
        this.name = "";
        this.data = [];
      }
    }
    return events;
  }

  private field(line: string): void {
    const cut = line.indexOf(":");
    const name = cut < 0 ? line : line.slice(0, cut);
    const value = cut < 0 ? "" : line.slice(cut + 1).replace(/^ /, "");
    if (name === "data") this.data.push(value);
    else if (name === "event") this.name = value;
  }
}

/** Tells each event of an answer's body; ends with it, throws when the connection breaks. */
export async function readEvents(body: ReadableStream<Uint8Array>, tell: (event: ServerEvent) => void): Promise<void> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (const event of parser.feed(decoder.decode(value, { stream: true }))) tell(event);
  }
}
