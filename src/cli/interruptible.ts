/** Work that a first SIGINT or SIGTERM ends with the best model so far, and a second one at once. */
export async function interruptible(run: (interrupted: AbortSignal) => Promise<void>): Promise<void> {
  const interrupted = new AbortController();
  const interrupt = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    process.stderr.write('interrupted: ends with the best model so far; once more ends at once\n');
    interrupted.abort();
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    await run(interrupted.signal);
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}
