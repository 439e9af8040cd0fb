// Builds the viewer into one page, one script and one style sheet, so that the first paint needs no more than that
// pair and a strict Content-Security-Policy holds. FGM_UI_OUT names another folder for the result.
import { defineConfig } from "vitest/config";

const agent = process.env.FGM_UI_AGENT ?? "http://127.0.0.1:8050";

export default defineConfig({
  base: "./",
  build: {
    outDir: process.env.FGM_UI_OUT ?? "dist",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: false,
    assetsInlineLimit: 0,
    rolldownOptions: { output: { codeSplitting: false } },
  },
  server: { host: "127.0.0.1", proxy: { "/api": agent, "/metrics": agent } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
