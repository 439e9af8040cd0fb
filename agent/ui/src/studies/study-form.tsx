// Adds a study: which one, on which panel, of which container. A study of a container as a whole needs no panel.
import { signal } from "@preact/signals";
import { addStudy, nameOf, panels, resolvedContainers, studyList } from "../state/store.ts";
import { Select } from "../choose/container-filters.tsx";

const study = signal("changepoint");
const panel = signal("");
const container = signal("");

export function StudyForm() {
  const known = studyList.value;
  const ids = resolvedContainers.value.ids;
  const chosen = known.find((one) => one.id === study.value);
  const ofContainer = chosen?.looks_at === "container";
  const onPanel = !ofContainer && panels.value.includes(panel.value) ? panel.value : "";
  const ofId = ids.includes(container.value) ? container.value : "";
  function add(event: SubmitEvent) {
    event.preventDefault();
    addStudy(study.value, onPanel || undefined, ofId || undefined);
  }
  if (known.length === 0) return <p class="hint" role="status">Asking which studies there are…</p>;
  return (
    <form class="study-form" onSubmit={add}>
      <Select label="Study" value={study.value} options={known.map(({ id, name }) => [id, name])}
        onChange={(id) => { study.value = id; }} />
      {!ofContainer && <Select label="Panel" value={onPanel} none="all panels" options={panels.value.map((name) => [name, name])}
        onChange={(name) => { panel.value = name; }} />}
      <Select label="Container" value={ofId} none="all chosen containers" options={ids.map((id) => [id, nameOf(id)])}
        onChange={(id) => { container.value = id; }} />
      <button type="submit" class="primary">Add study</button>
      {chosen && <p class="hint">{chosen.description}</p>}
    </form>
  );
}
