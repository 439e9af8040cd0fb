// To come.
export function Chooser() {
  return <section />;
}
