// npm test: set-up, type check, lint, tests. The last line is "N passed, N failed"; type check and lint count as one each.
// Arguments go to vitest (`npm test -- test/config`); --full takes the slow tests of test/full instead.
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { ALL_STEPS, setUpOrExplain } from './setup/steps.mjs';
import { ROOT, say, seconds } from './setup/world.mjs';

/** Runs a program of node_modules with the terminal passed on; answers with whether it ended well. */
const tool = (file, args) => new Promise((resolve) => {
  const child = spawn(process.execPath, [path.join(ROOT, 'node_modules', file), ...args], { cwd: ROOT, stdio: 'inherit' });
  child.on('error', () => resolve(false));
  child.on('close', (code) => resolve(code === 0));
});

async function check(name, file, args) {
  const started = Date.now();
  const ok = await tool(file, args);
  say(`${name}: ${ok ? 'clean' : 'FAILED'} (${seconds(started)})`);
  return ok ? [1, 0] : [0, 1];
}

/** vitest's totals; a file that could not even be loaded counts as one failure, and a skipped test as one too. */
async function tests(args) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'espalier-test-'));
  const file = path.join(folder, 'report.json');
  try {
    const ok = await tool('vitest/vitest.mjs', ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...args]);
    if (!fs.existsSync(file)) return [0, 1];
    const report = JSON.parse(fs.readFileSync(file, 'utf8'));
    const unloaded = report.testResults.filter((suite) => suite.status === 'failed' && suite.assertionResults.length === 0).length;
    const failed = report.numFailedTests + unloaded + report.numPendingTests + report.numTodoTests;
    return [report.numPassedTests, Math.max(failed, ok ? 0 : 1)];
  } finally { fs.rmSync(folder, { recursive: true, force: true }); }
}

const args = process.argv.slice(2);
const full = args.includes('--full');
const totals = [0, 0];
const add = ([passed, failed]) => { totals[0] += passed; totals[1] += failed; };

if (await setUpOrExplain(ALL_STEPS)) {
  if (full) add(await tests(['--mode', 'full', ...args.filter((arg) => arg !== '--full')]));
  else {
    add(await check('type check', 'typescript/bin/tsc', ['-p', '.']));
    add(await check('lint', 'eslint/bin/eslint.js', ['.']));
    add(await tests(args));
  }
} else add([0, 1]);

process.stdout.write(`\n${totals[0]} passed, ${totals[1]} failed\n`);
if (totals[1] > 0) process.exitCode = 1;
