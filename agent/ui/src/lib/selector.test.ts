import { describe, expect, it } from "vitest";
import { isChosen, matchesLabels, matchesPattern } from "./selector.ts";

const LABELS = { app: "cart", team: "orders" };

describe("labels", () => {
  it.each([
    ["app=cart", true], ["app==cart,team=orders", true], ["app=cart,team=web", false], ["app!=web", true],
    ["team", true], ["!team", false], ["!old", true], ["old!=1", true], ["constructor", false], ["", true], ["=,x", false],
  ])("%s", (selector, fits) => expect(matchesLabels(selector, LABELS)).toBe(fits));

  it("may be an object", () => {
    expect(matchesLabels({ app: "cart" }, LABELS)).toBe(true);
    expect(matchesLabels({ app: "cart", x: "" }, LABELS)).toBe(false);
  });
});

describe("patterns", () => {
  it.each([
    ["*", "", true], ["cart", "cart", true], ["cart", "carts", false], ["c*t", "cart", true], ["*-db-?", "orders-db-1", true],
    ["*-db-?", "orders-db-10", false], ["**a*", "bab", true], [".*", "x", false],
  ])("%s and %s", (pattern, text, fits) => expect(matchesPattern(pattern, text)).toBe(fits));

  it("are quick whatever they are", () => {
    const begin = performance.now();
    expect(matchesPattern("*a".repeat(200), "a".repeat(100) + "b".repeat(2000))).toBe(false);
    expect(performance.now() - begin).toBeLessThan(1000);
  });
});

describe("containers", () => {
  it("are chosen by all that is said", () => {
    const cart = { namespace: "shop", pod: "cart-1", container: "main", workload: "Deployment/cart", labels: LABELS };
    expect(isChosen(cart, {})).toBe(true);
    expect(isChosen(cart, { namespace: "shop", label_selector: "app=cart", name_pattern: "cart" })).toBe(true);
    expect(isChosen(cart, { name_pattern: "cart-1/main" })).toBe(true);
    expect(isChosen(cart, { namespace: "sho" })).toBe(false);
    expect(isChosen({ ...cart, namespace: null }, { namespace: "*" })).toBe(true);
  });
});
