/** The native kernel: whether it is built, and which engine serves, after a probe in a process of its own. */
import { chooseEngine, KERNEL_VARIANTS } from '../../adapters/engine/choose.ts';
import { kernelPath } from '../../adapters/engine/addon.ts';
import { onnxVersion } from '../../adapters/engine/onnx-thread.ts';
import { probe } from '../../adapters/engine/probe.ts';
import type { Settings } from '../../config/schema.ts';
import { codeOf } from '../../errors.ts';
import { servingChoiceOf } from '../compose/settings.ts';
import type { Finding } from './finding.ts';
import { missing, ok, poor } from './finding.ts';

const REMEDY = 'Install a C compiler and run `npm run setup`. The reference engine serves meanwhile: the same answers, slowly.';

/** Every variant with the result of its probe. */
async function variants(): Promise<Finding> {
  const probed = await Promise.all(KERNEL_VARIANTS.map(async (variant) => ({ variant, result: await probe(kernelPath(), variant) })));
  const texts = probed.map(({ variant, result }) => (result.ok ? `${variant} agrees with the reference (${result.parity.toExponential(1)})` : `${variant}: ${result.reason}`));
  return probed.some(({ result }) => result.ok) ? ok('kernel', texts.join('; ')) : poor('kernel', [...new Set(texts)].join('; '), REMEDY);
}

/** The engine that these settings give. */
async function inUse(settings: Settings): Promise<Finding> {
  try {
    const { engine, reason } = await chooseEngine(servingChoiceOf(settings));
    const wanted = settings.engine.kind !== 'reference' && engine.name === 'reference';
    return wanted ? poor('engine', `${engine.name}: ${reason}`, REMEDY) : ok('engine', `${engine.name}: ${reason}`);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return missing('engine', (error as Error).message, `${REMEDY} It is asked for by engine.kind: native, or by engine.variant.`);
  }
}

/** The engine for dense models, an optional dependency. */
function onnxruntime(): Finding {
  const version = onnxVersion();
  return version === null ? poor('onnxruntime', 'not installed; dense models run on the native kernel', 'Run `npm install` without --omit=optional.') : ok('onnxruntime', `${version}, for dense models that it runs faster`);
}

export const kernel = async (settings: Settings): Promise<readonly Finding[]> => [...await Promise.all([variants(), inUse(settings)]), onnxruntime()];
