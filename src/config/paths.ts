/** The schema as a flat list of settings, and the ways between trees and flat maps. */
import { z } from 'zod';
import type { SettingMeta } from './setting.ts';
import { settingsSchema } from './schema.ts';

export interface SettingEntry extends SettingMeta {
  /** For example `serving.batchMax`. */
  readonly path: string;
  /** For example `ESPALIER_SERVING_BATCH_MAX`. */
  readonly variable: string;
  readonly fallback: unknown;
  /** JSON type of the value. */
  readonly type: 'integer' | 'number' | 'boolean' | 'string' | 'array';
  /** Bounds or allowed names, for people. */
  readonly allowed: string;
}

type Fields = Readonly<Record<string, z.ZodType>>;

/** The fields of a section, or undefined where the schema is a single setting. */
function fieldsOf(type: z.ZodType): Fields | undefined {
  const inner = type instanceof z.ZodPrefault ? type.unwrap() : type;
  return inner instanceof z.ZodObject ? inner.shape as Fields : undefined;
}

export const variableOf = (path: string): string =>
  `ESPALIER_${path.replaceAll('.', '_').replace(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()}`;

interface JsonSchema { type?: string; enum?: string[]; minimum?: number; exclusiveMinimum?: number; maximum?: number }

function allowedOf(schema: JsonSchema): string {
  if (schema.enum !== undefined) return schema.enum.join(' | ');
  if (schema.type === 'integer' || schema.type === 'number') {
    return schema.exclusiveMinimum === undefined ? `${schema.minimum} to ${schema.maximum}` : `above ${schema.exclusiveMinimum}, at most ${schema.maximum}`;
  }
  return schema.type ?? '';
}

function entryOf(path: string, type: z.ZodType): SettingEntry {
  if (!(type instanceof z.ZodDefault)) throw new Error(`assertion failed: ${path} has a default`);
  const schema = z.toJSONSchema(type.unwrap() as z.ZodType) as JsonSchema;
  const meta = type.meta() as unknown as SettingMeta;
  return {
    path, variable: variableOf(path), fallback: type.def.defaultValue, description: meta.description, unit: meta.unit,
    type: schema.type as SettingEntry['type'], allowed: allowedOf(schema),
  };
}

function walk(prefix: string, fields: Fields): SettingEntry[] {
  return Object.entries(fields).flatMap(([name, type]) => {
    const inner = fieldsOf(type);
    return inner === undefined ? [entryOf(prefix + name, type)] : walk(`${prefix}${name}.`, inner);
  });
}

/** Every setting, in the order of the schema. */
export const ENTRIES: readonly SettingEntry[] = walk('', settingsSchema.shape);
const SECTIONS: ReadonlySet<string> = new Set(ENTRIES.flatMap(({ path }) => {
  const words = path.split('.');
  return words.slice(1).map((_, at) => words.slice(0, at + 1).join('.'));
}));

export const isSection = (path: string): boolean => SECTIONS.has(path);
export const SECTION_NAMES: readonly string[] = [...SECTIONS];

const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A tree of sections as [path, value] pairs; what is no section is a value, known or not. */
export function flatten(tree: Readonly<Record<string, unknown>>, prefix = ''): [string, unknown][] {
  return Object.entries(tree).flatMap(([name, value]): [string, unknown][] => {
    const path = prefix + name;
    return isSection(path) && isTree(value) ? flatten(value, `${path}.`) : [[path, value]];
  });
}

/** The tree of [path, value] pairs. */
export function nest(pairs: Iterable<readonly [string, unknown]>): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const [path, value] of pairs) {
    const words = path.split('.');
    const last = words.pop()!;
    let place = tree;
    for (const word of words) place = (place[word] ??= {}) as Record<string, unknown>;
    place[last] = value;
  }
  return tree;
}
