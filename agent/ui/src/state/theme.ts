// Light or dark: as the system says, or as the reader chose; the choice stays in the browser.
import { computed, effect, signal } from "@preact/signals";

export type ThemeChoice = "system" | "light" | "dark";

const KEPT_AS = "fgm.theme";

const system = window.matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);

export const themeChoice = signal<ThemeChoice>(readChoice());
export const theme = computed<"light" | "dark">(() => {
  if (themeChoice.value !== "system") return themeChoice.value;
  return systemDark.value ? "dark" : "light";
});

export function startTheme(): void {
  system.addEventListener("change", () => {
    systemDark.value = system.matches;
  });
  // Before anybody draws: effects run in the order in which they were made.
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

export function setTheme(choice: ThemeChoice): void {
  themeChoice.value = choice;
  try {
    localStorage.setItem(KEPT_AS, choice);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function readChoice(): ThemeChoice {
  try {
    const kept = localStorage.getItem(KEPT_AS);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}
