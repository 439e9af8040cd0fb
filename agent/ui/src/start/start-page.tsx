// To come.
export function StartPage() {
  return <section />;
}
