// Goal: a demonstration does not go on over the log of an earlier one, whose requests were all answered. Method: a folder that holds a log, with something in it that must stay.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { settingsOf } from '../../../src/cli/compose/settings.ts';
import { runDemo } from '../../../src/cli/demo/run.ts';
import { temporaryFolder } from '../../adapters/temporary.ts';

it('refuses a folder that holds an earlier demonstration, and leaves it as it is', async () => {
  const folder = temporaryFolder(), kept = join(folder, 'log', 'kept');
  mkdirSync(join(folder, 'log'));
  writeFileSync(kept, 'as it was');
  const view = { note: () => undefined, draw: () => undefined, stop: () => undefined };
  const input = { data: undefined, minutes: 2, seed: 1, units: 8, density: 0.5, goal: 'density' as const, keep: false, json: undefined, folder, settings: settingsOf({}).settings, sayPlain: () => undefined };
  await expect(runDemo(input, view, new AbortController().signal)).rejects.toMatchObject({ code: 'usage', details: expect.stringContaining(folder) as string });
  expect(existsSync(kept)).toBe(true);
});
