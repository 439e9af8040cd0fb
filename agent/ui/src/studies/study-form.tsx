// Adds a study: which one, on which panel, of which container, with what set. A study of a container as a whole needs no
// panel; one that compares may be given a second container.
import { signal } from "@preact/signals";
import { addStudy, nameOf, panels, resolvedContainers, studyList } from "../state/store.ts";
import { Select } from "../choose/container-filters.tsx";
import type { Study } from "../data/types.ts";
import { keyOfSetting, settingsOf, wordsOf } from "./settings.ts";
import type { Typed } from "./settings.ts";

/** The one study that takes a second container. */
const COMPARES = "compare";

const study = signal("changepoint");
const panel = signal("");
const container = signal("");
const other = signal("");
const typed = signal<Typed>({});
const problem = signal<string | null>(null);

export function StudyForm() {
  const known = studyList.value;
  const ids = resolvedContainers.value.ids;
  const chosen = known.find((one) => one.id === study.value);
  const ofMetric = chosen?.looks_at === "metric";
  const onPanel = ofMetric && panels.value.includes(panel.value) ? panel.value : "";
  const ofId = ids.includes(container.value) ? container.value : "";
  const others = study.value === COMPARES ? ids.filter((id) => id !== ofId) : [];
  const withId = others.includes(other.value) ? other.value : "";
  function add(event: SubmitEvent) {
    event.preventDefault();
    const set = chosen ? settingsOf(chosen, typed.value) : [];
    problem.value = typeof set === "string" ? set : null;
    if (typeof set === "string") return;
    addStudy({ study: study.value, panel: onPanel || undefined, container: ofId || undefined, set, with: withId || undefined });
  }
  if (known.length === 0) return <p class="hint" role="status">Asking which studies there are…</p>;
  return (
    <form class="study-form" onSubmit={add} noValidate>
      <Select label="Study" value={study.value} options={known.map(({ id, name }) => [id, name])}
        onChange={(id) => {
          study.value = id;
          problem.value = null;
        }} />
      {ofMetric && <Select label="Panel" value={onPanel} none="all panels" options={panels.value.map((name) => [name, name])}
        onChange={(name) => { panel.value = name; }} />}
      <Select label="Container" value={ofId} none="all chosen containers" options={ids.map((id) => [id, nameOf(id)])}
        onChange={(id) => { container.value = id; }} />
      {others.length > 0 && <Select label="Compared with" value={withId} none="with the time before" options={others.map((id) => [id, `with ${nameOf(id)}`])}
        onChange={(id) => { other.value = id; }} />}
      {chosen && chosen.parameters.length > 0 && <Settings chosen={chosen} />}
      {problem.value && <p class="problem" role="alert">{problem.value}</p>}
      <button type="submit" class="primary">Add study</button>
      {chosen && <p class="hint">{chosen.description}</p>}
    </form>
  );
}

function Settings({ chosen }: { chosen: Study }) {
  return (
    <details class="study-settings" open={problem.value !== null}>
      <summary>{chosen.parameters.length === 1 ? "1 parameter" : `${chosen.parameters.length} parameters`}</summary>
      {chosen.parameters.map((parameter) => {
        const key = keyOfSetting(chosen, parameter);
        return (
          <label key={key}>
            <span class="setting-name">{wordsOf(parameter.name)}</span>
            <input class="field" type="text" inputMode="decimal" value={typed.value[key] ?? ""} placeholder={String(parameter.default)}
              onInput={(event) => { typed.value = { ...typed.value, [key]: event.currentTarget.value }; }} />
            <span class="hint">{parameter.help}</span>
          </label>
        );
      })}
    </details>
  );
}
