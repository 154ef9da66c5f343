// A parser of the Prometheus text format, written from its description, strict about what a scrape would refuse.

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/gy;

/** Parses a whole exposition. Throws on anything out of order: samples without a type, doubled series, bad labels. */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  const helps = new Map<string, string>();
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const [, comment, name, rest] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (comment === 'HELP') helps.set(name!, rest!);
    else if (comment === 'TYPE') {
      if (families.has(name!)) throw new Error(`type of ${name!} twice`);
      families.set(name!, { type: rest!, help: helps.get(name!) ?? '', samples: [] });
    } else addSample(families, seen, line);
  }
  return families;
}

function addSample(families: ReadonlyMap<string, Family>, seen: Set<string>, line: string): void {
  const match = SAMPLE.exec(line);
  if (match === null) throw new Error(`not a sample: ${line}`);
  const [, name, inside = '', number] = match;
  const labels: Record<string, string> = {};
  let end = 0;
  for (const { 0: whole, 1: label, 2: value, index } of inside.matchAll(LABEL)) {
    labels[label!] = value!;
    end = index + whole.length;
  }
  if (end !== inside.length) throw new Error(`bad labels: ${line}`);
  const family = families.get(name!) ?? families.get(name!.replace(/_(bucket|sum|count)$/, ''));
  const value = number === '+Inf' ? Infinity : Number(number);
  if (family === undefined || Number.isNaN(value) !== (number === 'NaN' || number === 'Nan')) throw new Error(`no type, or no number: ${line}`);
  const key = `${name!} ${JSON.stringify(Object.entries(labels).sort())}`;
  if (seen.has(key)) throw new Error(`series twice: ${line}`);
  seen.add(key);
  family.samples.push({ name: name!, labels, value });
}
