// The menu of dashboards: open one, keep the present view as one, save it as a file, remove own ones, open a file.
import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import "./dashboards.css";
import { panels, say } from "../state/store.ts";
import { describe, openNamed } from "./dashboard-links.tsx";
import { dashboardOfView } from "./from-view.ts";
import { openFile } from "./open.ts";
import { ownDashboards, removeOwn, saveOwn } from "./own.ts";
import { SHIPPED } from "./shipped.ts";

const isOpen = signal(false);
const newName = signal("");

export function DashboardMenu() {
  const box = useRef<HTMLDivElement>(null);
  useCloseOutside(box);
  return (
    <div class="menu" ref={box} onKeyDown={closeOnEscape}>
      <button type="button" aria-expanded={isOpen.value} aria-controls="dashboard-menu" onClick={() => { isOpen.value = !isOpen.value; }}>
        Dashboards
      </button>
      {isOpen.value && (
        <div id="dashboard-menu" class="menu-box" role="group" aria-label="Dashboards">
          {[...SHIPPED.keys()].map((name) => <Entry key={name} name={name} />)}
          {ownDashboards.value.size > 0 && <h3>In this browser</h3>}
          {[...ownDashboards.value.keys()].map((name) => <Entry key={name} name={name} own />)}
          <h3>Keep this view</h3>
          <SaveForm />
          <label class="menu-file">Open a file (or drop it anywhere)
            <input type="file" accept=".json,application/json" onChange={(event) => openChosen(event.currentTarget)} />
          </label>
        </div>
      )}
    </div>
  );
}

function Entry({ name, own = false }: { name: string; own?: boolean }) {
  const { title, description } = describe(name);
  return (
    <div class="menu-entry">
      <button type="button" onClick={() => { isOpen.value = false; openNamed(name); }}>
        <span>{title}</span>
        {description !== "" && <small>{description}</small>}
      </button>
      {own && <button type="button" class="quiet" aria-label={`Remove ${name}`} onClick={() => removeOwn(name)}>✕</button>}
    </div>
  );
}

function SaveForm() {
  const nothing = panels.value.length === 0;
  const name = newName.value.trim();
  function save(event: SubmitEvent) {
    event.preventDefault();
    if (name === "") return;
    const problem = saveOwn(name, dashboardOfView(name));
    if (problem) say(problem);
    else newName.value = "";
  }
  if (nothing) return <p class="hint">Choose panels first.</p>;
  return (
    <form class="menu-save" onSubmit={save}>
      <input class="field" type="text" aria-label="Name of the dashboard" placeholder="name" maxLength={60} value={newName.value}
        onInput={(event) => { newName.value = event.currentTarget.value; }} />
      <button type="submit" disabled={name === ""}>Keep</button>
      <button type="button" onClick={() => saveFile(name || "dashboard")}>Save as file</button>
    </form>
  );
}

function saveFile(name: string): void {
  const address = URL.createObjectURL(new Blob([dashboardOfView(name)], { type: "application/json" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${name.replace(/[^\w.-]+/g, "-")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

function openChosen(field: HTMLInputElement): void {
  const file = field.files?.[0];
  if (!file) return;
  isOpen.value = false;
  void openFile(file);
}

function closeOnEscape(event: KeyboardEvent): void {
  if (event.key !== "Escape" || !isOpen.peek()) return;
  isOpen.value = false;
  event.stopPropagation();
  (event.currentTarget as HTMLElement).querySelector("button")?.focus();
}

function useCloseOutside(box: { current: HTMLDivElement | null }): void {
  useEffect(() => {
    const close = (event: PointerEvent) => {
      if (isOpen.peek() && !box.current?.contains(event.target as Node)) isOpen.value = false;
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, []);
}
