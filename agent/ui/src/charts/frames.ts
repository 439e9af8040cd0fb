// Shares the time of a frame: one chart may be drawn afresh in each, the others stretch what they drew before and get
// their turn in the frames after. So moving many charts stays smooth.

let taken = false;
let asked = false;
const waiting = new Map<object, () => void>();

/** Whether the caller may draw afresh in this frame. */
export function takeFrame(): boolean {
  wake();
  if (taken) return false;
  taken = true;
  return true;
}

/** Has `work` done in one of the next frames; the newest work of an owner is what counts. */
export function inLaterFrame(owner: object, work: () => void): void {
  waiting.set(owner, work);
  wake();
}

export function forgetFrames(owner: object): void {
  waiting.delete(owner);
}

function wake(): void {
  if (asked) return;
  asked = true;
  requestAnimationFrame(() => {
    asked = false;
    taken = false;
    const next = waiting.entries().next();
    if (next.done) return;
    const [owner, work] = next.value;
    waiting.delete(owner);
    work();
    if (waiting.size > 0) wake();
  });
}
