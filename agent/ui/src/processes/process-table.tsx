// To come.
export function ProcessTable() {
  return <section />;
}
