// What binding.gyp (strict JSON) says, for whoever calls a compiler without node-gyp: targets with sources, flags and
// defines of one architecture.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

/** Part of a condition that holds: [test, then] or [test, then, else]; tests are "target_arch=='x64'". */
function partOf([test, then, otherwise = {}], arch) {
  const [, name, wanted] = /^(\w+)\s*==\s*'([\w]+)'$/.exec(test) ?? [];
  if (name !== 'target_arch') throw new Error(`binding.gyp: a condition that is not read here: ${test}`);
  return wanted === arch ? then : otherwise;
}

/**
 * @param {string} folder src/kernel, or a copy of it
 * @param {string} arch as process.arch
 * @returns {{ name: string, sources: string[], cflags: string[], defines: string[], tuned: boolean }[]} tuned: has flags of its own on this architecture
 */
export function targetsOf(folder, arch) {
  const gyp = JSON.parse(readFileSync(path.join(folder, 'binding.gyp'), 'utf8'));
  return gyp.targets.map((target) => {
    const own = (target.conditions ?? []).map((condition) => partOf(condition, arch));
    return {
      name: target.target_name,
      sources: target.sources,
      cflags: [...gyp.target_defaults.cflags, ...(target.cflags ?? []), ...own.flatMap(({ cflags = [] }) => cflags)],
      defines: [...gyp.target_defaults.defines, ...(target.defines ?? []), ...own.flatMap(({ defines = [] }) => defines)].map((define) => `-D${define}`),
      tuned: own.some(({ cflags = [] }) => cflags.length > 0),
    };
  });
}

/** Names of the files of which the kernel is built. */
export const sourcesOf = (folder) => readdirSync(folder).filter((name) => /\.(c|h|gyp)$/.test(name)).sort();

/** A hash over names and contents of files, and over words. */
export function hashOf(files, words = []) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(path.basename(file)).update('\0').update(readFileSync(file)).update('\0');
  hash.update(words.join('\0'));
  return hash.digest('hex');
}
