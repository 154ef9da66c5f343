/** Checked reading of JSON that somebody else wrote. Every function returns the value or calls `refuse`, which throws. */

export type Refuse = (what: string) => never;

/** A plain object with exactly these keys; so `__proto__` and friends have no way in. */
export function recordOf<K extends string>(value: unknown, keys: readonly K[], where: string, refuse: Refuse): Readonly<Record<K, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(`${where} is not an object`);
  const present = Object.keys(value);
  const unknown = present.find((key) => !(keys as readonly string[]).includes(key));
  if (unknown !== undefined) return refuse(`${where} has the unknown field ${JSON.stringify(unknown.slice(0, 60))}`);
  const missing = keys.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) return refuse(`${where} lacks the field ${missing}`);
  return value as Record<K, unknown>;
}

export function listOf(value: unknown, lengthMax: number, where: string, refuse: Refuse): readonly unknown[] {
  if (!Array.isArray(value)) return refuse(`${where} is not a list`);
  if (value.length > lengthMax) return refuse(`${where} has ${value.length} entries, at most ${lengthMax} are allowed`);
  return value;
}

export function numberOf(value: unknown, min: number, max: number, where: string, refuse: Refuse): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) return refuse(`${where} is not a number from ${min} to ${max}`);
  return value;
}

export function integerOf(value: unknown, min: number, max: number, where: string, refuse: Refuse): number {
  if (!Number.isSafeInteger(value)) return refuse(`${where} is not an integer`);
  return numberOf(value, min, max, where, refuse);
}

export function textOf(value: unknown, lengthMax: number, where: string, refuse: Refuse): string {
  if (typeof value !== 'string') return refuse(`${where} is not a text`);
  if (value.length > lengthMax) return refuse(`${where} has ${value.length} characters, at most ${lengthMax} are allowed`);
  return value;
}

/** Texts, each once. */
export function distinctTextsOf(value: unknown, countMax: number, lengthMax: number, where: string, refuse: Refuse): readonly string[] {
  const texts = listOf(value, countMax, where, refuse).map((text, at) => textOf(text, lengthMax, `${where}[${at}]`, refuse));
  if (new Set(texts).size !== texts.length) return refuse(`${where} has an entry twice`);
  return texts;
}

export function booleanOf(value: unknown, where: string, refuse: Refuse): boolean {
  return typeof value === 'boolean' ? value : refuse(`${where} is not true or false`);
}

export function choiceOf<T extends string>(value: unknown, choices: readonly T[], where: string, refuse: Refuse): T {
  return choices.find((choice) => choice === value) ?? refuse(`${where} is none of ${choices.join(', ')}`);
}
