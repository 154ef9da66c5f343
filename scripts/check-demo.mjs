// Demands of the report that `espalier demo --json FILE` writes; each counts as one check.
//   node scripts/check-demo.mjs FILE [--density 0.3]
import * as fs from 'node:fs';

const [file, ...rest] = process.argv.slice(2);
const option = rest.indexOf('--density');
const densityMax = option < 0 ? 0.3 : Number(rest[option + 1]);

let report = {};
try { report = JSON.parse(fs.readFileSync(file, 'utf8')); } catch (error) { process.stdout.write(`the report cannot be read: ${error.message}\n`); }
const { requests = {}, final = {}, dense = {}, promotions } = report;

const DEMANDS = [
  ['nothing is lost', requests.lost, requests.lost === 0],
  ['nothing is answered twice', requests.doubled, requests.doubled === 0],
  ['something was sent, and all of it answered', `${requests.answered} of ${requests.sent}`, requests.sent > 0 && requests.answered === requests.sent],
  ['at least one promotion', promotions, promotions >= 1],
  [`final density at most ${densityMax}`, final.density, final.density <= densityMax],
  ['accuracies are shares', `${dense.accuracy} -> ${final.accuracy}`, [dense.accuracy, final.accuracy].every((value) => value > 0 && value <= 1)],
];

for (const [what, found, holds] of DEMANDS) process.stdout.write(`${holds ? 'ok    ' : 'FAILED'} ${what}: ${found}\n`);
const failed = DEMANDS.filter(([, , holds]) => !holds).length;
process.stdout.write(`${DEMANDS.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
