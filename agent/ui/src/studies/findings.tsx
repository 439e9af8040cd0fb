// To come.
export function Findings() {
  return <section />;
}
