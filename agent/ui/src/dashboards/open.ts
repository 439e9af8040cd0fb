// To come.
export function startDashboards(): void {}
