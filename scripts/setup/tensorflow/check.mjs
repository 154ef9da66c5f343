// Loads the binding in a process of its own and compares two operations with known values; prints CHECK-OK and the version.
// A bad native library can take the process down, which is why the set-up never loads it in its own.
import { createRequire } from 'node:module';
import * as path from 'node:path';
import util from 'node:util';

// Node 23 removed these two, and tfjs-node 4.22 still calls them.
util.isNullOrUndefined = (value) => value === null || value === undefined;
util.isArray = Array.isArray;

const tf = createRequire(path.join(process.argv[2], 'package.json'))('@tensorflow/tfjs-node');
const backend = tf.backend();
const { binding } = backend;

function near(tensor, values) {
  const found = tensor.dataSync();
  if (values.some((value, at) => !(Math.abs(found[at] - value) < 1e-5))) throw new Error(`wrong numbers: ${found}`);
}
const attribute = (name, type, value) => ({ name, type, value });

near(tf.matMul([[1, 2], [3, 4]], [[5, 6], [7, 8]]), [19, 22, 43, 50]);

// One step of one unit with all weights 1: i = f = o = s(1), h = s(1) tanh(s(1) tanh 1).
const length = backend.executeSingleOutput('Cast', [
  attribute('SrcT', binding.TF_ATTR_TYPE, binding.TF_INT32), attribute('DstT', binding.TF_ATTR_TYPE, binding.TF_INT64),
  attribute('Truncate', binding.TF_ATTR_BOOL, false)], [tf.scalar(1, 'int32')]);
const [state, peephole] = [tf.zeros([1, 1]), tf.zeros([1])];
const outputs = backend.executeMultipleOutputs('BlockLSTMV2', [
  attribute('cell_clip', binding.TF_ATTR_FLOAT, 0), attribute('use_peephole', binding.TF_ATTR_BOOL, false),
  attribute('T', binding.TF_ATTR_TYPE, binding.TF_FLOAT)],
[length, tf.ones([1, 1, 1]), state, state, tf.ones([2, 4]), peephole, peephole, peephole, tf.zeros([4])], 7);
const sigmoid = 1 / (1 + Math.exp(-1));
near(outputs[6], [sigmoid * Math.tanh(sigmoid * Math.tanh(1))]);

console.log(`CHECK-OK ${binding.TF_Version} ${binding.isUsingGpuDevice() ? 'gpu' : 'cpu'}`);
