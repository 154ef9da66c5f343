/** `espalier doctor`: what is there, what is missing, and what to do about it. */
import { Command } from 'commander';
import { lookForGpu } from '../adapters/trainer/gpu.ts';
import { settingsOf } from './compose/settings.ts';
import type { SettingsOptions } from './compose/settings.ts';
import { ROOT } from './doctor/child.ts';
import type { Finding } from './doctor/finding.ts';
import { gpu } from './doctor/gpu.ts';
import { kafka } from './doctor/kafka.ts';
import { kernel } from './doctor/kernel.ts';
import { memory, node, port, processor, space } from './doctor/machine.ts';
import { setup } from './doctor/setup.ts';
import { out, paint } from './print.ts';
import { withSettings } from './with-settings.ts';

interface DoctorOptions extends SettingsOptions { readonly json?: true }

/** Exit code where something that is needed is missing: not reachable. */
const EXIT_MISSING = 5;
const COLOURS = { ok: 'green', poor: 'yellow', missing: 'red' } as const;

async function examine(options: DoctorOptions): Promise<readonly Finding[]> {
  const { settings } = settingsOf(options);
  const [native, brought, address, log, found] = await Promise.all([kernel(settings), setup(ROOT), port(settings), kafka(settings), lookForGpu()]);
  return [
    node(), processor(), memory(), ...brought.findings, gpu(found, brought.computes), ...native,
    space('cache', brought.cache), space('log', settings.log.folder), space('vault', settings.vault.folder), address, ...log,
  ];
}

export function doctorCommand(): Command {
  return withSettings(new Command('doctor')
    .description('what is there, what is missing, and what to do about it; exit code 5 if something needed is missing')
    .option('--json', 'as JSON'))
    .action(async (options: DoctorOptions) => {
      const findings = await examine(options);
      if (options.json) out(JSON.stringify({ version: 1, node: process.version, findings }, null, 2));
      else for (const { name, state, detail, remedy } of findings) {
        out(`${paint(process.stdout, COLOURS[state], state.padEnd(8))}${name.padEnd(12)}${detail}`);
        if (remedy !== '') out(`${' '.repeat(20)}remedy: ${remedy}`);
      }
      if (findings.some(({ state }) => state === 'missing')) process.exitCode = EXIT_MISSING;
    });
}
