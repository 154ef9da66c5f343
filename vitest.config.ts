import { defineConfig } from 'vitest/config';

/** `--mode full` takes the slow tests of test/full instead of the others (`npm run test:full`). */
export default defineConfig(({ mode }) => ({
  test: {
    pool: 'forks' as const,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    include: [mode === 'full' ? 'test/full/**/*.test.ts' : 'test/**/*.test.ts'],
    exclude: mode === 'full' ? [] : ['test/full/**'],
    passWithNoTests: false,
  },
}));
