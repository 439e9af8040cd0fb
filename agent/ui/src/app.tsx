// The page: chooser on the left, charts in the middle, one drawer on the right.
import { instance } from "./state/store.ts";

export function App() {
  return <main>{instance.value?.node}</main>;
}
