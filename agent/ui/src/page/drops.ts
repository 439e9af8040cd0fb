// Open menus close when somebody points elsewhere, or when the focus leaves them.

export function startDrops(): void {
  const closeOthers = (event: Event) => {
    const inside = event.target instanceof Node ? event.target : null;
    for (const open of document.querySelectorAll<HTMLDetailsElement>("details.drop[open]")) {
      if (!open.contains(inside)) open.open = false;
    }
  };
  document.addEventListener("pointerdown", closeOthers);
  document.addEventListener("focusin", closeOthers);
}
