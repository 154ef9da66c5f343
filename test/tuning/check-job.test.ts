// Goal: a job from the wire is read as it was meant, or refused by name. Method: one good job, changed field by field.
import { expect, it } from 'vitest';
import { nextJob } from '../../src/loop/next-job.ts';
import { checkJob } from '../../src/tuning/check-job.ts';
import { TAKE, fresh, policy } from '../loop/support.ts';

const job = nextJob(fresh(), { ...policy, device: 'gpu' }, TAKE);
const overTheWire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

it('comes through the wire unchanged', () => {
  expect(checkJob(overTheWire(job))).toEqual(job);
});

it('of a journal that knew no devices demands none', () => {
  expect(checkJob(overTheWire({ ...job, device: undefined }))).toEqual({ ...job, device: 'any' });
});

it.each([['another device', { ...job, device: 'tpu' }], ['no text', { ...job, device: null }], ['no object', null], ['a list', [job]], ['a field too many', { ...job, devices: 'gpu' }]])('is refused: %s', (_, bad) => {
  expect(() => checkJob(overTheWire(bad))).toThrow(expect.objectContaining({ code: 'trainer-failed' }));
});
