// Asks for the agent's token, and says what is wrong with one. Closed without it, a line on the page leads back here.
import { effect, signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { giveToken, wanted } from "../data/token.ts";

const putOff = signal(false);
const problem = signal<string | null>(null);
const trying = signal(false);

effect(() => {
  if (wanted.value === null) putOff.value = false;
});

export function TokenDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const open = wanted.value !== null && !putOff.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  const give = async (event: SubmitEvent) => {
    event.preventDefault();
    trying.value = true;
    problem.value = await giveToken(field.current!.value);
    trying.value = false;
    if (problem.value === null) field.current!.value = "";
    field.current?.focus();
  };
  const close = () => {
    if (wanted.peek() !== null) putOff.value = true;
  };
  return (
    <dialog class="help token-dialog" ref={dialog} aria-labelledby="token-title" onClose={close}>
      <h2 id="token-title">This agent wants its token</h2>
      <form onSubmit={(event) => void give(event)}>
        {wanted.value === "wrong" && problem.value === null && <p class="problem" role="alert">It does not take the token that was given before; it may have a new one.</p>}
        <label for="token-field">Token</label>
        <input class="field" id="token-field" ref={field} type="password" autocomplete="off" spellcheck={false} required autofocus
          aria-describedby="token-hint" onInput={() => (problem.value = null)} />
        <p class="hint" id="token-hint">It is the word in the file that the agent was started with (<code>--token-file</code>). This tab keeps it until it is closed.</p>
        {problem.value && <p class="problem" role="alert">{problem.value}</p>}
        <div class="dialog-buttons">
          <button type="submit" class="primary" disabled={trying.value}>{trying.value ? "Asking …" : "Show the data"}</button>
          <button type="button" onClick={() => dialog.current?.close()}>Not now</button>
        </div>
      </form>
    </dialog>
  );
}

/** Where the dialog was closed without a token. */
export function TokenNotice() {
  if (wanted.value === null || !putOff.value) return null;
  return (
    <p class="page-notice is-problem">
      This agent answers nothing without its token.
      <button type="button" onClick={() => (putOff.value = false)}>Give the token</button>
    </p>
  );
}
