// npm run generate: writes the documents that are made from tables in the code (test/generated.test.ts compares them).
import * as fs from 'node:fs';
import * as path from 'node:path';
import { setUpOrExplain } from './setup/steps.mjs';
import { ROOT } from './setup/world.mjs';

if (await setUpOrExplain(['packages'])) {
  const { register } = await import('tsx/esm/api');
  register();
  const { generatedFiles } = await import('../src/cli/generated.ts');
  for (const [name, text] of generatedFiles()) {
    const file = path.join(ROOT, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    process.stdout.write(`${name}\n`);
  }
}
