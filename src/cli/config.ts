/** `espalier config show|sample|reference`: what is set, from where, and what can be. */
import { Command } from 'commander';
import { ENTRIES, flatten } from '../config/paths.ts';
import { referencePage, sampleFile } from '../config/reference.ts';
import { settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import { out, table } from './print.ts';
import { withSettings } from './with-settings.ts';

interface ShowOptions extends SettingsOptions { readonly origin?: true; readonly json?: true }

function show(options: ShowOptions): void {
  const { settings, origins } = settingsOf(options);
  if (options.json) {
    out(JSON.stringify(options.origin ? { settings, origins: Object.fromEntries(origins) } : settings, null, 2));
    return;
  }
  const values = new Map(flatten(settings));
  const rows = ENTRIES.map(({ path, unit }) => [path, unit, ...(options.origin ? [origins.get(path)!] : []), JSON.stringify(values.get(path))]);
  out(table(['setting', 'unit', ...(options.origin ? ['origin'] : []), 'value'], rows));
}

export function configCommand(): Command {
  const config = new Command('config').description('show the settings, where they come from, and what can be set');
  config.addCommand(withSettings(new Command('show')
    .description('the settings in force: defaults < file < environment < flags')
    .option('--origin', 'with the origin of each value')
    .option('--json', 'as JSON')).action(show));
  config.addCommand(new Command('sample').description('a complete configuration file with all defaults').action(() => { process.stdout.write(sampleFile()); }));
  config.addCommand(new Command('reference').description('every setting with its meaning, in Markdown').action(() => { process.stdout.write(referencePage()); }));
  return config;
}
