/** The kernel: which native variants work here, after a probe in a process of their own, WebAssembly, and which engine serves. */
import { chooseEngine, KERNEL_VARIANTS } from '../../adapters/engine/choose.ts';
import { kernelPaths } from '../../adapters/engine/addon.ts';
import { onnxVersion } from '../../adapters/engine/onnx-thread.ts';
import { probe } from '../../adapters/engine/probe.ts';
import { probedWasm } from '../../adapters/engine/wasm.ts';
import type { Settings } from '../../config/schema.ts';
import { codeOf } from '../../errors.ts';
import { servingChoiceOf } from '../compose/settings.ts';
import type { Finding } from './finding.ts';
import { missing, ok, poor } from './finding.ts';

const REMEDY = 'Install a C compiler and run `npm run setup`. WebAssembly serves meanwhile, or the reference engine: the same answers, more slowly.';

type Probed = { readonly ok: true; readonly parity: number } | { readonly ok: false; readonly reason: string };
const textOf = (variant: string, result: Probed): string => (result.ok ? `${variant} agrees with the reference (${result.parity.toExponential(1)})` : `${variant}: ${result.reason}`);

/** Every variant with the result of its probe; of the first addon of which one works. */
async function variants(): Promise<Finding> {
  const wasm = textOf('wasm', await probedWasm());
  let texts: readonly string[] = [];
  for (const file of kernelPaths()) {
    const probed = await Promise.all(KERNEL_VARIANTS.map(async (variant) => ({ variant, result: await probe(file, variant) })));
    texts = probed.map(({ variant, result }) => textOf(variant, result));
    if (probed.some(({ result }) => result.ok)) return ok('kernel', `${file}: ${[...texts, wasm].join('; ')}`);
  }
  return poor('kernel', [...new Set(texts), wasm].join('; '), REMEDY);
}

/** The engine that these settings give. */
async function inUse(settings: Settings): Promise<Finding> {
  try {
    const { engine, reason } = await chooseEngine(servingChoiceOf(settings));
    const wanted = settings.engine.kind !== 'reference' && ['reference', 'wasm'].includes(engine.name) && settings.engine.variant !== 'wasm';
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
