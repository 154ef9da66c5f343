// Goal: `doctor` tells what GPU, driver and libraries are there, where it looked, and what is missing. Method: made-up findings.
import { expect, it } from 'vitest';
import { gpu } from '../../../src/cli/doctor/gpu.ts';

const none = { present: false, gpu: null, driver: null, lookedAt: ['nvidia-smi does not run', '/dev/nvidia0 is not there'] };
const there = { present: true, gpu: 'NVIDIA H100 80GB HBM3', driver: '535.104.05', lookedAt: [] };
const libraries = { cuda: '12.5.82', cudnn: '9.3.0.75' };

it('says none with what was looked for', () => {
  expect(gpu(none, { device: 'cpu', libraries: null })).toEqual({ name: 'gpu', state: 'ok', detail: 'none (nvidia-smi does not run; /dev/nvidia0 is not there); no GPU libraries; TensorFlow computes on the CPU', remedy: '' });
});

it('shows device, driver and library versions of one in use', () => {
  expect(gpu(there, { device: 'gpu', libraries })).toMatchObject({ state: 'ok', detail: 'NVIDIA H100 80GB HBM3, driver 535.104.05; CUDA 12.5.82, cuDNN 9.3.0.75; TensorFlow computes on the GPU' });
});

it('says what to do about one that is not used', () => {
  expect(gpu(there, { device: 'cpu', libraries: null })).toMatchObject({ state: 'poor', remedy: expect.stringContaining('ESPALIER_TENSORFLOW=gpu npm run setup') as string });
  expect(gpu({ ...there, gpu: null, driver: null }, { device: 'cpu', libraries })).toMatchObject({ state: 'poor', detail: expect.stringContaining('name not told, driver not told') as string, remedy: expect.stringContaining('driver that runs CUDA 12') as string });
  expect(gpu(there, null)).toMatchObject({ state: 'poor', detail: expect.stringContaining('does not load') as string });
});
