// Sentences for the reader, each with a way to put it away; and what of the link is not recorded here.
import { signal } from "@preact/signals";
import { containerProblem, containers, dismiss, instanceProblem, notices, resolvedContainers, setContainers } from "../state/store.ts";
import { lackSentence } from "../share/held.ts";
import { TokenNotice } from "./token-dialog.tsx";

const MOST_NAMED = 3;
const SHORT_ID = 20;

const lack = signal(lackSentence());

/** Of a shared file: what its bar does not offer. */
function SavedNotice() {
  if (lack.value === null) return null;
  return <p class="page-notice is-quiet">{lack.value}<button type="button" class="icon" aria-label="Dismiss" onClick={() => (lack.value = null)}>✕</button></p>;
}

export function Notices() {
  const { unknown } = resolvedContainers.value;
  const named = unknown.slice(0, MOST_NAMED).map((id) => (id.length > SHORT_ID ? `${id.slice(0, SHORT_ID)}…` : id)).join(", ");
  const rest = unknown.length > MOST_NAMED ? ` and ${unknown.length - MOST_NAMED} more` : "";
  const forget = () => setContainers(containers.peek().filter((id) => !unknown.includes(id)));
  return (
    <div class="notices" role="status" aria-live="polite">
      <TokenNotice />
      <SavedNotice />
      {(instanceProblem.value ?? containerProblem.value) && <p class="page-notice is-problem">{instanceProblem.value ?? containerProblem.value}</p>}
      {unknown.length > 0 && (
        <p class="page-notice">
          Not recorded here, so not shown: {named}{rest}.
          <button type="button" onClick={forget}>Remove {unknown.length === 1 ? "it" : "them"} from the view</button>
        </p>
      )}
      {notices.value.map((sentence) => (
        <p class="page-notice" key={sentence}>
          {sentence}
          <button type="button" class="icon" aria-label="Dismiss" onClick={() => dismiss(sentence)}>✕</button>
        </p>
      ))}
    </div>
  );
}
