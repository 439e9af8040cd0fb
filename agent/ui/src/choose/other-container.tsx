// One container out of all that are recorded: the chosen ones by name, any other one by search.
import { useState } from "preact/hooks";
import { fuzzyFilter } from "../lib/fuzzy.ts";
import { containerList, nameOf } from "../state/store.ts";
import { searchTexts } from "./arrange.ts";
import { Select } from "./container-filters.tsx";

const MOST_FOUND = 8;
/** No id has a space. */
const SEARCH = "search for another";

export interface OtherContainerProps {
  label: string;
  /** Empty for none. */
  value: string;
  /** Those that are offered without a search. */
  ids: string[];
  /** The text of the choice of none, where that may be chosen. */
  none?: string;
  /** What is not to be found, such as the one that it is compared with. */
  without?: string;
  onChange: (id: string) => void;
}

export function OtherContainer({ label, value, ids, none, without, onChange }: OtherContainerProps) {
  const [searching, setSearching] = useState(false);
  const offered = [...new Set(value === "" ? ids : [...ids, value])].filter((id) => id !== without);
  const options = offered.map((id): [string, string] => [id, nameOf(id)]);
  const choose = (id: string) => {
    setSearching(id === SEARCH);
    if (id !== SEARCH) onChange(id);
  };
  return (
    <div class="other-container">
      <Select label={label} value={searching ? SEARCH : value} none={none} options={[...options, [SEARCH, "another container…"]]} onChange={choose} />
      {searching && <Search label={label} without={without} onChange={choose} />}
    </div>
  );
}

function Search({ label, without, onChange }: { label: string; without: string | undefined; onChange: (id: string) => void }) {
  const [query, setQuery] = useState("");
  const found = fuzzyFilter(query, containerList.value, searchTexts).filter(({ id }) => id !== without).slice(0, MOST_FOUND);
  return (
    <>
      <input class="field" type="search" aria-label={`${label}: search`} placeholder="pod, namespace, id" value={query} autofocus
        onInput={(event) => setQuery(event.currentTarget.value)} onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          if (found[0]) onChange(found[0].id);
        }} />
      <ul class="found-containers" aria-label="Containers found">
        {found.map(({ id, namespace }) => (
          <li key={id}><button type="button" title={id} onClick={() => onChange(id)}>{nameOf(id)} <small>{namespace ?? ""}</small></button></li>
        ))}
        {found.length === 0 && <li class="hint">No container matches.</li>}
      </ul>
    </>
  );
}
