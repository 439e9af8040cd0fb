// What is looked at is chosen here: containers under one tab, metrics under the other.
import { signal } from "@preact/signals";
import "./chooser.css";
import { ContainerList } from "./container-list.tsx";
import { MetricPicker } from "./metric-picker.tsx";

const TABS = [["containers", "Containers"], ["metrics", "Metrics"]] as const;
type Tab = (typeof TABS)[number][0];

const shown = signal<Tab>("containers");

export function Chooser() {
  function onKeyDown(event: KeyboardEvent) {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    event.preventDefault();
    event.stopPropagation();
    shown.value = shown.value === "containers" ? "metrics" : "containers";
    document.getElementById(`tab-${shown.value}`)?.focus();
  }
  return (
    <section class="chooser" aria-label="Choose containers and metrics">
      <div class="tabs" role="tablist" aria-label="Choose" onKeyDown={onKeyDown}>
        {TABS.map(([name, title]) => (
          <button key={name} id={`tab-${name}`} type="button" role="tab" class="tab" aria-selected={shown.value === name}
            aria-controls={`panel-${name}`} tabIndex={shown.value === name ? 0 : -1} onClick={() => { shown.value = name; }}>
            {title}
          </button>
        ))}
      </div>
      {TABS.map(([name]) => (
        <div key={name} id={`panel-${name}`} class="tab-panel" role="tabpanel" aria-labelledby={`tab-${name}`}
          hidden={shown.value !== name}>
          {shown.value === name && (name === "containers" ? <ContainerList /> : <MetricPicker />)}
        </div>
      ))}
    </section>
  );
}
