/** The latest roster with the models that it names, and what follows from them for reading records. */
import { EspalierError } from '../errors.ts';
import type { Model, ModelId } from '../model/model.ts';
import { splitterOf, wordIds } from '../model/tokenize.ts';
import type { Roster } from '../rollout/roster.ts';
import type { LabelRules, RequestRules } from '../traffic/codec.ts';
import type { ServingLimits } from './limits.ts';
import type { Models } from './work.ts';

export interface Route {
  readonly roster: Roster;
  readonly champion: Model;
  readonly challenger: Model | null;
  readonly anchor: Model;
  readonly predecessor: Model | null;
  readonly requestRules: RequestRules;
  readonly labelRules: LabelRules;
}

/** Looks the models of a roster up. Throws model-unknown. @param former its indexes are kept where the tokenizer is the same */
export function routeOf(roster: Roster, models: Models, limits: ServingLimits, former: Route | null): Route {
  const find = (id: ModelId): Model => {
    const model = models.get(id);
    if (model === undefined) throw new EspalierError('model-unknown', `Roster ${roster.version} names ${id.slice(0, 12)}.`);
    return model;
  };
  const champion = find(roster.champion);
  const same = former?.champion.id === champion.id;
  return {
    roster,
    champion,
    challenger: roster.challenger === null ? null : find(roster.challenger),
    anchor: find(roster.anchor),
    predecessor: roster.predecessor === null ? null : find(roster.predecessor),
    requestRules: same ? former.requestRules : { wordId: wordIds(champion.tokenizer), split: splitterOf(champion.tokenizer), vocabulary: champion.shape.vocabulary, frame: champion.shape.inputs, stepsMax: limits.stepsMax, bytesMax: limits.requestBytesMax },
    labelRules: same ? former.labelRules : { task: champion.shape.task, outputs: champion.shape.outputs, labels: new Map(champion.labels.map((name, id) => [name, id])), stepsMax: limits.stepsMax, bytesMax: limits.requestBytesMax },
  };
}
