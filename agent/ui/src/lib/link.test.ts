import { describe, expect, it } from "vitest";
import { emptyView, formatLink, parseLink } from "./link.ts";

const API_LINK =
  "/#from=2026-11-02T18:00:00Z&to=2026-11-03T00:00:00Z&panels=memory_working_set_bytes&containers=857f&studies=trend";

describe("links", () => {
  it("reads what the API writes, and writes the same", () => {
    const { view, problems } = parseLink(API_LINK);
    expect(problems).toEqual([]);
    expect(view.panels).toEqual(["memory_working_set_bytes"]);
    expect(view.containers).toEqual(["857f"]);
    expect(view.studies).toEqual(["trend"]);
    expect(`/${formatLink(view)}`).toBe(API_LINK);
  });

  it("keeps odd characters and names that it does not know", () => {
    const view = {
      ...emptyView(), range: "15m", panels: ["a,b&c=d#e", "ä 😀 %"], containers: ["<img src=x onerror=alert(1)>"],
      extra: { theme: "dark", "od&d=": "1,2" },
    };
    const link = formatLink(view);
    expect(link).toMatch(/^#[A-Za-z0-9\-._~/:%,=&]*$/);
    expect(parseLink(link)).toEqual({ view, problems: [] });
  });

  it("says what it cannot read and keeps the rest", () => {
    const { view, problems } = parseLink("#from=yesterday&to=%zz&range=fast&panels=a,%ff,b&&=&__proto__=x&%=1");
    expect(view.panels).toEqual(["a", "b"]);
    expect(view.from).toBeUndefined();
    expect(view.range).toBeUndefined();
    expect(problems).toHaveLength(5);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it("shows at most eight panels and no range that ends before it begins", () => {
    const { view, problems } = parseLink(`#from=2026-11-03T00:00:00Z&to=2026-11-02T00:00:00Z&panels=${"abcdefghij".split("")}`);
    expect(view.panels).toHaveLength(8);
    expect(view.to).toBeUndefined();
    expect(problems).toHaveLength(2);
  });

  it("is an empty view without a link", () => {
    for (const hash of ["", "#", "/#"]) expect(parseLink(hash)).toEqual({ view: emptyView(), problems: [] });
  });
});
