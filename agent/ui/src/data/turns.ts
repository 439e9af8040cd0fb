// Lets at most so many questions run at once, the rest wait in order: the agent gives 4 answers at a time and a browser
// opens 6 connections, one or two of which a live stream holds.

export class Turns {
  private running = 0;
  private waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  async take<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.running >= this.most) await this.wait(signal);
    signal?.throwIfAborted();
    this.running += 1;
    try {
      return await work();
    } finally {
      this.running -= 1;
      this.waiting.shift()?.();
    }
  }

  private wait(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.waiting = this.waiting.filter((waiter) => waiter !== go);
        reject(new DOMException("nobody waits for it any more", "AbortError"));
      };
      this.waiting.push(go);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }
}
