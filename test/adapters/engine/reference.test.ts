// Goal: the reference engine does what every engine must do. Method: the check list of engines.
import { engineChecks } from '../../checks/engine.ts';
import { topChecks } from '../../checks/engine-top.ts';
import { ReferenceEngine } from '../../../src/adapters/engine/reference.ts';

engineChecks(() => Promise.resolve(new ReferenceEngine()));
topChecks(() => Promise.resolve(new ReferenceEngine()));
