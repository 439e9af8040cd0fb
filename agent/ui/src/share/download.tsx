// A link to a file that the agent writes. Where the agent wants its token, which a link cannot send, the page asks for it.
import { useSignal } from "@preact/signals";
import { fetchFile } from "../data/file.ts";
import { token, wanted } from "../data/token.ts";
import { sentenceOf } from "../data/failure.ts";
import { say } from "../state/store.ts";
import { saveFile } from "./save-file.ts";

export function Download({ address, name, title, text }: { address: string; name: string; title: string; text: string }) {
  const taking = useSignal(false);
  const take = async (event: Event) => {
    if (token.peek() === null && wanted.peek() === null) return;
    event.preventDefault();
    if (taking.peek()) return;
    taking.value = true;
    try {
      saveFile(await fetchFile(address), name);
    } catch (thrown) {
      say(`${name} could not be made: ${sentenceOf(thrown)}`);
    }
    taking.value = false;
  };
  return (
    <a href={address} download={name} title={title} aria-busy={taking.value} onClick={(event) => void take(event)}>
      {text}{taking.value && " …"}
    </a>
  );
}
