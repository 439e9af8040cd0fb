// A search field above a list: the arrow down goes on into the list, Escape empties it.
import { useEffect, useRef } from "preact/hooks";
import { searchWanted } from "../state/store.ts";

export interface SearchFieldProps {
  label: string;
  placeholder: string;
  value: string;
  /** The id of the list that it searches. */
  list: string;
  onInput: (value: string) => void;
}

/** The last wish for the focus that was granted, so that showing the field again does not steal it. */
let granted = 0;

export function SearchField({ label, placeholder, value, list, onInput }: SearchFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  const wanted = searchWanted.value;
  useEffect(() => {
    if (wanted === granted) return;
    granted = wanted;
    field.current?.focus();
    field.current?.select();
  }, [wanted]);
  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      document.getElementById(list)?.focus();
    } else if (event.key === "Escape") {
      if (value === "") field.current?.blur();
      else onInput("");
    } else return;
    event.stopPropagation();
  }
  return (
    <input ref={field} class="field search" type="search" aria-label={label} aria-controls={list} placeholder={placeholder}
      value={value} autocomplete="off" spellcheck={false} onInput={(event) => onInput(event.currentTarget.value)}
      onKeyDown={onKeyDown} />
  );
}
