// A link to a file that the agent writes. Where the agent wants its token, which a link cannot send, the page asks for it.
import { fetchFile, token } from "../data/token.ts";
import { sentenceOf } from "../data/failure.ts";
import { say } from "../state/store.ts";
import { saveFile } from "./save-file.ts";

export function Download({ address, name, title, text }: { address: string; name: string; title: string; text: string }) {
  const take = async (event: Event) => {
    if (token.peek() === null) return;
    event.preventDefault();
    try {
      saveFile(await fetchFile(address), name);
    } catch (thrown) {
      say(`${name} could not be made: ${sentenceOf(thrown)}`);
    }
  };
  return <a href={address} download={name} title={title} onClick={(event) => void take(event)}>{text}</a>;
}
