// Goal: documents made from tables are never stale. Method: make them again and compare with the files.
import * as fs from 'node:fs';
import * as path from 'node:path';
import { expect, it } from 'vitest';
import { generatedFiles } from '../src/cli/generated.ts';

const root = path.resolve(import.meta.dirname, '..');

it.each([...generatedFiles()])('%s is what `npm run generate` writes', (name, text) => {
  const file = path.join(root, name);
  const found = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  expect(found === text, `${name} is stale: run \`npm run generate\``).toBe(true);
});
