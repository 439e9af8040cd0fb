import { describe, expect, it } from "vitest";
import { fuzzyFilter, fuzzyMatch } from "./fuzzy.ts";

describe("fuzzy search", () => {
  it("finds runs and scattered letters, and tells where", () => {
    expect(fuzzyMatch("check", "shop/checkout")?.at).toEqual([5, 6, 7, 8, 9]);
    expect(fuzzyMatch("cpuuc", "cpu_usage_cores")?.at).toEqual([0, 1, 2, 4, 10]);
    expect(fuzzyMatch("xyz", "checkout")).toBeNull();
    expect(fuzzyMatch("", "checkout")).toEqual({ score: 0, at: [] });
  });

  it("does not take letters far apart for a match", () => {
    expect(fuzzyMatch("api", "a0000000000p0000000000i")).toBeNull();
  });

  it("puts whole words before parts and runs before scattered letters", () => {
    const names = ["xapix", "a-p-i", "api-server", "api"];
    expect(fuzzyFilter("api", names, (name) => [name])).toEqual(["api", "api-server", "xapix", "a-p-i"]);
  });

  it("lets each word match in another text, but each must match", () => {
    const items = [{ space: "shop", pod: "cart" }, { space: "batch", pod: "cart" }];
    const texts = (item: (typeof items)[0]) => [item.space, item.pod];
    expect(fuzzyFilter("Cart shop", items, texts)).toEqual([items[0]]);
    expect(fuzzyFilter("cart nothing", items, texts)).toEqual([]);
    expect(fuzzyFilter("  ", items, texts)).toEqual(items);
  });
});
