import { defineConfig } from 'vitest/config';

const shared = { pool: 'forks' as const, testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
  test: {
    ...shared,
    maxWorkers: 2,
    include: ['test/**/*.test.ts'],
    exclude: ['test/full/**'],
    passWithNoTests: false,
  },
});
