/** Waiting for something to happen, or for a time to pass. */
export interface Wakers {
  /** Ends all waits. */
  readonly wake: () => void;
  readonly wait: (ms: number) => Promise<void>;
}

export function wakers(): Wakers {
  const waiting = new Set<() => void>();
  return {
    wake: () => { for (const one of [...waiting]) one(); },
    wait: (ms) => new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, Math.max(0, ms));
      waiting.add(end);
    }),
  };
}
