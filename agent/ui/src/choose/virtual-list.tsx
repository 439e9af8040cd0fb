// A list of which only the rows in sight exist, so that thousands scroll smoothly. It is one stop of the Tab key; arrows,
// page keys, Home and End move in it, Enter and space choose. Rows have one height.
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

export interface VirtualListProps {
  id: string;
  label: string;
  count: number;
  rowHeight: number;
  row: (index: number) => { content: ComponentChildren; chosen: boolean; class?: string; key: string };
  onChoose: (index: number) => void;
  /** Keys beyond moving and choosing; true where it was meant for this list. */
  onKey?: (key: string, index: number) => boolean;
  empty: string;
}

const SPARE_ROWS = 6;

export function VirtualList(props: VirtualListProps) {
  const { id, label, count, rowHeight, row, onChoose, empty } = props;
  const box = useRef<HTMLDivElement>(null);
  const { top, height } = useWindow(box);
  const [active, setActive] = useState(0);
  const at = Math.min(active, Math.max(0, count - 1));
  const first = Math.max(0, Math.floor(top / rowHeight) - SPARE_ROWS);
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + SPARE_ROWS);

  function go(to: number) {
    const next = Math.max(0, Math.min(count - 1, to));
    setActive(next);
    bringIntoSight(box.current, next, rowHeight);
  }
  function onKeyDown(event: KeyboardEvent) {
    if (count === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page,
      Home: 0, End: count - 1 };
    const to = Object.hasOwn(moves, event.key) ? moves[event.key] : undefined;
    if (to !== undefined) go(to);
    else if (event.key === "Enter" || event.key === " ") onChoose(at);
    else if (!props.onKey?.(event.key, at)) return;
    event.preventDefault();
    event.stopPropagation();
  }
  if (count === 0) return <p class="list-empty" role="status">{empty}</p>;
  const shown = Array.from({ length: Math.max(0, last - first) }, (_, offset) => first + offset);
  const activeShown = at >= first && at < last;
  return (
    <div ref={box} id={id} class="virtual-list" role="listbox" aria-label={label} aria-multiselectable={true} tabIndex={0}
      aria-activedescendant={activeShown ? `${id}-${at}` : undefined} onKeyDown={onKeyDown}>
      <div class="virtual-room" role="presentation" style={{ height: `${count * rowHeight}px` }}>
        {shown.map((index) => {
          const { content, chosen, class: name = "", key } = row(index);
          return (
            <div key={key} id={`${id}-${index}`} role="option" aria-selected={chosen} aria-setsize={count}
              aria-posinset={index + 1} class={`virtual-row ${name} ${index === at ? "active" : ""}`}
              style={{ height: `${rowHeight}px`, transform: `translateY(${index * rowHeight}px)` }}
              onClick={() => { setActive(index); onChoose(index); }}>
              {content}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** What of the list is in sight; follows scrolling and the size of the page. */
function useWindow(box: { current: HTMLDivElement | null }): { top: number; height: number } {
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  const element = useRef<HTMLDivElement | null>(null);
  const watched = useRef<() => void>(() => undefined);
  useLayoutEffect(() => {
    if (element.current === box.current) return;
    watched.current();
    element.current = box.current;
    watched.current = box.current ? watch(box.current, setSeen) : () => undefined;
  });
  useEffect(() => () => watched.current(), []);
  return seen;
}

function watch(element: HTMLDivElement, tell: (seen: { top: number; height: number }) => void): () => void {
  const look = () => tell({ top: element.scrollTop, height: element.clientHeight });
  const sizes = new ResizeObserver(look);
  sizes.observe(element);
  element.addEventListener("scroll", look, { passive: true });
  look();
  return () => {
    sizes.disconnect();
    element.removeEventListener("scroll", look);
  };
}

function bringIntoSight(box: HTMLDivElement | null, index: number, rowHeight: number): void {
  if (!box) return;
  const top = index * rowHeight;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + rowHeight > box.scrollTop + box.clientHeight) box.scrollTop = top + rowHeight - box.clientHeight;
}
