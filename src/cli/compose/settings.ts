/** Settings from the command line, the environment and a file, as the rooms want them. */
import type { EngineChoice } from '../../adapters/engine/choose.ts';
import { loadSettings } from '../../config/load.ts';
import type { Loaded } from '../../config/load.ts';
import type { Settings } from '../../config/schema.ts';
import { EspalierError } from '../../errors.ts';
import type { Policy } from '../../loop/policy.ts';
import { checkLimits } from '../../serving/limits.ts';
import type { ServingLimits } from '../../serving/limits.ts';

/** Options that every command with settings has; see `withSettings`. */
export interface SettingsOptions {
  readonly config?: string;
  readonly set?: readonly string[];
}

/** `--set serving.batchMax=64` as [path, value]. Throws usage. */
function assignment(text: string): [string, string] {
  const at = text.indexOf('=');
  if (at < 1) throw new EspalierError('usage', `--set takes path=value, and was given ${text}.`);
  return [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Loads the settings of a command; `own` are settings that the command's own flags stand for, by path, and win.
 * Throws config-unreadable, config-invalid, usage.
 */
export function settingsOf(options: SettingsOptions, own: Readonly<Record<string, unknown>> = {}): Loaded {
  return loadSettings({
    file: options.config ?? process.env['ESPALIER_CONFIG'] ?? null,
    environment: process.env,
    flags: { ...Object.fromEntries((options.set ?? []).map(assignment)), ...own },
  });
}

/** The limits of the serving line; the relations are checked once more where they matter. */
export function limitsOf({ serving }: Settings): ServingLimits {
  checkLimits(serving);
  return serving;
}

/** The policy of the loop; training counts a number as right where serving does. */
export function policyOf({ loop, serving: { errorMax } }: Settings): Policy { return { ...loop, training: { ...loop.training, errorMax } }; }

/** Which engine is wanted; ESPALIER_KERNEL forces a variant where the settings leave it open. */
export function engineChoiceOf({ engine }: Settings): EngineChoice {
  return { kind: engine.kind, variant: engine.variant === 'auto' ? undefined : engine.variant, ...(engine.cores === 0 ? {} : { cores: engine.cores }) };
}

/** The engine that serves: as above, with those beside it that may run a model faster. */
export const servingChoiceOf = (settings: Settings): EngineChoice => ({ ...engineChoiceOf(settings), dense: true, int8: settings.engine.precision === 'int8' });
