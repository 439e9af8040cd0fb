import { describe, expect, it, vi } from "vitest";
import type { Container, Study } from "../data/types.ts";

vi.stubGlobal("window", { matchMedia: () => ({ matches: false }), innerWidth: 1280 });
const { draftOf, otherOf, typedOf, wholeId } = await import("./draft.ts");
const { settingsOf } = await import("./settings.ts");
const { containerList } = await import("../state/store.ts");

const parameter = (name: string) => ({ name, help: "", default: 1, min: 0, max: 10 });
const STUDY: Study = { id: "s", name: "S", description: "", looks_at: "metric", parameters: [parameter("limit"), parameter("same_percent")] };

describe("a study that is changed", () => {
  it("has in its fields what it was made with", () => {
    expect(settingsOf(STUDY, typedOf(STUDY, ["same_percent:2.5"]))).toEqual(["same_percent:2.5"]);
    expect(typedOf(STUDY, ["gone:7"])).toEqual({});
  });
  it("keeps its panel, its container and the other one", () => {
    const draft = draftOf({ study: "s", panel: "m", container: "c", with: "d", set: ["limit:3"] }, STUDY);
    expect([draft.panel.value, draft.container.value, draft.other.value]).toEqual(["m", "c", "d"]);
    expect(draft.typed.value).toEqual({ "s.limit": "3" });
  });
  it("keeps another container that is not in the list, and no study takes its own", () => {
    containerList.value = [{ id: "0123456789abcdef" } as Container];
    const gone = draftOf({ study: "s", with: "fedcba9876543210" }, STUDY);
    expect([otherOf(gone, "", true), otherOf(gone, "", false)]).toEqual(["fedcba9876543210", ""]);
    const own = draftOf({ study: "s", container: "01234567", with: "0123456789" }, STUDY);
    expect(otherOf(own, "", true)).toBe("0123456789abcdef");
    expect(otherOf(own, wholeId(own.container.value, true), true)).toBe("");
  });
});
