// To come.
export function DashboardMenu() {
  return <section />;
}
