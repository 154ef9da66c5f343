/** The last step: relations between settings, and absolute folders. */
import * as path from 'node:path';
import type { Settings } from './schema.ts';

interface Relation { readonly holds: (settings: Settings) => boolean; readonly says: string }

/** What must hold between settings; each bound by itself is in the schema. */
const RELATIONS: readonly Relation[] = [
  { holds: ({ serving }) => serving.batchMax <= serving.unsettledMax, says: 'serving.batchMax must not exceed serving.unsettledMax: a batch forms from what is unsettled' },
  { holds: ({ serving }) => serving.unsettledMax <= serving.pendingMax, says: 'serving.unsettledMax must not exceed serving.pendingMax: every prediction may wait for its label' },
  { holds: ({ loop, serving }) => loop.replayItemsMin <= serving.replayItemsMax, says: 'loop.replayItemsMin must not exceed serving.replayItemsMax: the sample never grows beyond it' },
  { holds: ({ loop }) => loop.cycles <= loop.cyclesMax, says: 'loop.cycles must not exceed loop.cyclesMax: the density would never be reached' },
  { holds: ({ loop }) => loop.training.secondsMax * 1000 <= loop.tuneMsMax, says: 'loop.training.secondsMax must not exceed loop.tuneMsMax: the job would be given up while it trains' },
  { holds: ({ loop }) => loop.rungs.every((rung, at) => at === 0 || loop.rungs[at - 1]!.share < rung.share), says: 'loop.rungs must have rising shares' },
  { holds: ({ loop }) => loop.rungs.at(-1)!.share === 1, says: 'loop.rungs must end with the share 1' },
  { holds: ({ log }) => log.segmentBytes <= log.retainBytes, says: 'log.segmentBytes must not exceed log.retainBytes' },
  { holds: ({ kafka }) => kafka.saslMechanism === 'none' || kafka.username !== '', says: 'kafka.username must be given where kafka.saslMechanism is' },
  { holds: ({ kafka, serving }) => kafka.aliveMsMax >= 2 * serving.evidenceEveryMs, says: 'kafka.aliveMsMax must be at least twice serving.evidenceEveryMs: a process that reports in time would count as dead' },
];

/** Adds the relations that do not hold to `problems`; answers with the settings, folders made absolute. */
export function compile(settings: Settings, problems: string[]): Settings {
  problems.push(...RELATIONS.filter(({ holds }) => !holds(settings)).map(({ says }) => says));
  return {
    ...settings,
    log: { ...settings.log, folder: path.resolve(settings.log.folder) },
    vault: { ...settings.vault, folder: path.resolve(settings.vault.folder) },
  };
}
