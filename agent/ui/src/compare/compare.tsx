// To come.
export function Compare() {
  return <section />;
}
