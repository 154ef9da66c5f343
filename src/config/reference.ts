/** Documents made from the schema: a sample file and the reference page. */
import { OTHER_VARIABLES } from './load.ts';
import { ENTRIES, nest } from './paths.ts';

/** A complete configuration file with all defaults. */
export function sampleFile(): string {
  return `${JSON.stringify(nest(ENTRIES.map(({ path, fallback }) => [path, fallback])), null, 2)}\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
const row = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;

function sectionOf(path: string): string { return path.slice(0, path.lastIndexOf('.')); }

/** The reference of all settings, in Markdown. */
export function referencePage(): string {
  const lines = [
    '# Settings',
    '',
    '<!-- made by `npm run generate` from src/config/schema.ts; do not edit -->',
    '',
    'Defaults < file (`--config FILE`, JSON) < environment < flags (`--set path=value`). `espalier config show --origin` prints the',
    'value of each setting and where it comes from; `espalier config sample` prints a complete file.',
  ];
  let section = '';
  for (const entry of ENTRIES) {
    if (sectionOf(entry.path) !== section) {
      section = sectionOf(entry.path);
      lines.push('', `## ${section}`, '', row(['setting', 'default', 'unit', 'allowed', 'meaning', 'variable']), '|---|---|---|---|---|---|');
    }
    lines.push(row([`\`${entry.path}\``, `\`${JSON.stringify(entry.fallback)}\``, entry.unit, entry.allowed, entry.description, `\`${entry.variable}\``]));
  }
  lines.push('', '## Variables that are no settings', '', row(['variable', 'meaning']), '|---|---|',
    ...Object.entries(OTHER_VARIABLES).map(([name, meaning]) => row([`\`${name}\``, meaning])), '');
  return lines.join('\n');
}
