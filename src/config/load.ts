/**
 * From what was written to checked settings, in four steps: raw (each layer as flat pairs), defaults (the layers over
 * one another: defaults < file < environment < flags), checked (all errors at once), compiled (`compile.ts`).
 */
import * as fs from 'node:fs';
import { EspalierError } from '../errors.ts';
import { compile } from './compile.ts';
import { nearest } from './nearest.ts';
import { ENTRIES, SECTION_NAMES, flatten, isSection, nest } from './paths.ts';
import type { SettingEntry } from './paths.ts';
import { settingsSchema } from './schema.ts';
import type { Settings } from './schema.ts';

export interface Sources {
  /** Path of a JSON file, or null. */
  readonly file: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Settings by path (`serving.batchMax`); a string is read as in the environment. */
  readonly flags: Readonly<Record<string, unknown>>;
}

/** Where a value comes from: `default`, the name of the file, the name of the variable, or `flag`. */
export type Origin = string;

export interface Loaded {
  readonly settings: Settings;
  readonly origins: ReadonlyMap<string, Origin>;
}

interface Raw { readonly path: string; readonly value: unknown; readonly origin: Origin }

/** Variables of espalier that are no settings. */
export const OTHER_VARIABLES: Readonly<Record<string, string>> = {
  ESPALIER_CONFIG: 'Path of the configuration file, as `--config` gives it.',
  ESPALIER_DEBUG: '1 prints the stack of an unexpected error.',
  ESPALIER_KAFKA_PASSWORD: 'Password for the Kafka brokers, where kafka.passwordFile names no file.',
  ESPALIER_KERNEL: 'Variant of the native kernel, where engine.variant is auto.',
  ESPALIER_CACHE: 'Folder of what the set-up downloads and compiles.',
  ESPALIER_TENSORFLOW: 'cpu or gpu: which libraries the set-up brings, whether a GPU is there or not; official or wheel: the only way by which it gets those for the CPU.',
  ESPALIER_TENSORFLOW_SHA256: 'Checksum that the official archive must have, for a mirror with a build of its own.',
  ESPALIER_TENSORFLOW_WHEEL: 'Path of a wheel that was downloaded by hand, or of a folder of the wheels for the GPU.',
};

/** Kubernetes gives every pod such variables for a service named `espalier…`; they are none of ours. */
const ofKubernetes = (name: string, value: string): boolean => /_SERVICE_(HOST|PORT)|_PORT_\d+_(TCP|UDP)/.test(name) || /^(tcp|udp):\/\//.test(value);

const byPath = new Map(ENTRIES.map((entry) => [entry.path, entry]));
const byVariable = new Map(ENTRIES.map((entry) => [entry.variable, entry]));

/** A value out of a string; what cannot be read as the type stays a string, and the check says so. */
function parse(entry: SettingEntry | undefined, value: string): unknown {
  switch (entry?.type) {
    case 'integer': case 'number': return value.trim() !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
    case 'boolean': return value === 'true' ? true : value === 'false' ? false : value;
    case 'array': try { return JSON.parse(value); } catch { return value; }
    case 'string': case undefined: return value;
  }
}

function readFile(file: string): Raw[] {
  let tree: unknown;
  try { tree = JSON.parse(fs.readFileSync(file, 'utf8')); } catch (cause) {
    throw new EspalierError('config-unreadable', `${file}: ${(cause as Error).message}`, cause);
  }
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) throw new EspalierError('config-unreadable', `${file}: not a JSON object`);
  return flatten(tree as Record<string, unknown>).map(([path, value]) => ({ path, value, origin: file }));
}

function readEnvironment(environment: Sources['environment'], problems: string[]): Raw[] {
  const raws: Raw[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('ESPALIER_') || value === undefined || name in OTHER_VARIABLES || ofKubernetes(name, value)) continue;
    const entry = byVariable.get(name);
    if (entry === undefined) problems.push(unknown(name, [...byVariable.keys(), ...Object.keys(OTHER_VARIABLES)], 'environment'));
    else raws.push({ path: entry.path, value: parse(entry, value), origin: name });
  }
  return raws;
}

function unknown(name: string, names: readonly string[], origin: Origin): string {
  const hint = nearest(name, names);
  return `${name} (${origin}): no such setting${hint === undefined ? '' : `; did you mean ${hint}?`}`;
}

/** Names the unknown paths, and the sections that were given a single value. */
function checkNames(raws: readonly Raw[], problems: string[]): Raw[] {
  return raws.filter(({ path, origin }) => {
    if (byPath.has(path)) return true;
    problems.push(isSection(path) ? `${path} (${origin}): is a section, and takes an object`
      : unknown(path, [...byPath.keys(), ...SECTION_NAMES], origin));
    return false;
  });
}

/** Loads, checks and compiles the settings. Throws config-unreadable; config-invalid with all errors at once. */
export function loadSettings(sources: Sources): Loaded {
  const problems: string[] = [];
  const raws = checkNames([
    ...(sources.file === null ? [] : readFile(sources.file)),
    ...readEnvironment(sources.environment, problems),
    ...Object.entries(sources.flags).map(([path, value]) => ({
      path, origin: 'flag', value: typeof value === 'string' ? parse(byPath.get(path), value) : value,
    })),
  ], problems);

  const merged = new Map<string, unknown>(ENTRIES.map(({ path, fallback }) => [path, fallback]));
  const origins = new Map<string, Origin>(ENTRIES.map(({ path }) => [path, 'default']));
  for (const { path, value, origin } of raws) {
    merged.set(path, value);
    origins.set(path, origin);
  }

  const checked = settingsSchema.safeParse(nest(merged));
  for (const issue of checked.error?.issues ?? []) {
    const words = issue.path.map(String);
    const setting = ENTRIES.find(({ path }) => words.join('.') === path || words.join('.').startsWith(`${path}.`));
    problems.push(`${words.join('.')} (${origins.get(setting?.path ?? '') ?? 'default'}): ${issue.message}`
      + (setting === undefined || setting.type === 'array' ? '' : `; ${JSON.stringify(merged.get(setting.path))} was given, ${setting.allowed} is allowed`));
  }
  const settings = checked.success ? compile(checked.data, problems) : undefined;
  if (settings === undefined || problems.length > 0) throw new EspalierError('config-invalid', problems.map((problem) => `\n  - ${problem}`).join(''));
  return { settings, origins };
}
