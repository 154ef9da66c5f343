/** The options by which a command takes settings. */
import type { Command } from 'commander';

const collect = (value: string, former: readonly string[] | undefined): readonly string[] => [...former ?? [], value];

export function withSettings(command: Command): Command {
  return command
    .option('--config <file>', 'configuration file (JSON); also ESPALIER_CONFIG')
    .option('--set <path=value>', 'one setting, for example serving.batchMax=64; may be repeated', collect);
}
