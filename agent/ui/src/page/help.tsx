// What the keys and the mouse do.
import { useEffect, useRef } from "preact/hooks";
import { KEYS } from "../keyboard.ts";
import { helpOpen, instance } from "../state/store.ts";

const GESTURES: [string, string][] = [
  ["drag", "zoom into what is marked"],
  ["wheel", "zoom at the pointer"],
  ["Shift and drag, horizontal wheel", "move through time"],
  ["double click", "show the whole range again"],
  ["click on a name", "show that line alone; again for all"],
  ["square beside a name", "hide that line"],
  ["drag a title, or ⠿ with a finger", "put the panel elsewhere; Esc leaves it"],
  ["one finger, two fingers", "move, zoom"],
];

export function Help() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (helpOpen.value) dialog.current?.showModal();
    else dialog.current?.close();
  }, [helpOpen.value]);
  return (
    <dialog class="help" ref={dialog} aria-labelledby="help-title" onClose={() => (helpOpen.value = false)}>
      <h2 id="help-title">Keys and gestures</h2>
      <dl>{[...KEYS, ...GESTURES].map(([what, does]) => <div key={what}><dt>{what}</dt><dd>{does}</dd></div>)}</dl>
      <p class="hint">fine-grained-monitor {instance.value?.version ?? ""} {instance.value?.revision ?? ""}</p>
      <button type="button" onClick={() => (helpOpen.value = false)}>Close</button>
    </dialog>
  );
}
