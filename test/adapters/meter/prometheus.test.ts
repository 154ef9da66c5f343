// Goal: what Prometheus scrapes is right, complete from the start, and never grows. Method: a parser of our own over the text, promtool where there is one, a hundred swaps.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { prometheusMeter, type PrometheusMeter } from '../../../src/adapters/meter/prometheus.ts';
import { recordingMeter } from '../../../src/adapters/meter/recording.ts';
import { LATENCY_BUCKETS_MS } from '../../../src/facts.ts';
import { METRICS, type MetricDefinition } from '../../../src/metrics/definitions.ts';
import { EVERY_KIND, factOf, latencyAt, rosterOf } from '../../metrics/sample-facts.ts';
import { parseExposition } from './exposition.ts';

const PROMTOOL = '/usr/bin/promtool';
const familiesOf = async (meter: PrometheusMeter) => parseExposition(await meter.text());
const valueOf = async (meter: PrometheusMeter, name: string, labels: Record<string, string> = {}): Promise<number | undefined> => {
  const samples = [...(await familiesOf(meter)).values()].flatMap((family) => family.samples);
  return samples.find((sample) => sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value))?.value;
};
const ownSeries = async (meter: PrometheusMeter): Promise<number> =>
  [...await familiesOf(meter)].filter(([name]) => name.startsWith('espalier_')).reduce((sum, [, { samples }]) => sum + samples.length, 0);

describe('the meter for Prometheus', () => {
  it('has every metric and every bounded series at 0 from the start, with type and help', async () => {
    const families = await familiesOf(prometheusMeter());
    for (const definition of Object.values(METRICS) as MetricDefinition[]) {
      const family = families.get(definition.name)!;
      expect(family.type, definition.name).toBe(definition.type === 'info' ? 'gauge' : definition.type);
      expect(family.help).toBe(definition.help);
      const combinations = Object.values(definition.labels).reduce((product, values) => product * values.length, 1);
      const each = definition.type === 'histogram' ? definition.buckets!.length + 3 : 1;
      expect(family.samples.length, definition.name).toBe(definition.type === 'info' ? 0 : combinations * each);
      expect(family.samples.every(({ value }) => value === 0)).toBe(true);
    }
    expect(families.has('process_cpu_seconds_total')).toBe(true);
  });

  it('adds up counters, sets gauges, and keeps two meters apart', async () => {
    const meter = prometheusMeter();
    const other = prometheusMeter();
    for (let i = 0; i < 3; i++) meter.record(factOf(EVERY_KIND.batch));
    meter.record(factOf(EVERY_KIND.queues));
    meter.record(factOf({ ...EVERY_KIND.queues, sessions: 65 }));
    expect(await valueOf(meter, 'espalier_requests_total', { role: 'champion' })).toBe(18);
    expect(await valueOf(meter, 'espalier_sessions')).toBe(65);
    expect(await valueOf(other, 'espalier_requests_total', { role: 'champion' })).toBe(0);
  });

  it('shows the latencies of batches as a cumulative histogram', async () => {
    const meter = prometheusMeter();
    meter.record(factOf({ ...EVERY_KIND.batch, latency: latencyAt(2, 6), latencyMsSum: 9 }));
    meter.record(factOf({ ...EVERY_KIND.batch, latency: latencyAt(Infinity, 1), latencyMsSum: 6000 }));
    meter.record(factOf({ ...EVERY_KIND.batch, role: 'challenger', latency: latencyAt(50, 2), latencyMsSum: 80 }));
    const { samples } = (await familiesOf(meter)).get('espalier_request_duration_seconds')!;
    const champion = samples.filter(({ labels }) => labels['role'] === 'champion');
    const buckets = champion.filter(({ name }) => name.endsWith('_bucket'));
    expect(buckets.map(({ labels }) => labels['le'])).toEqual([...LATENCY_BUCKETS_MS.map((ms) => String(ms / 1000)), '+Inf']);
    expect(buckets.map(({ value }) => value)).toEqual([...LATENCY_BUCKETS_MS.map((ms) => (ms >= 2 ? 6 : 0)), 7]);
    expect(champion.slice(-2).map(({ name, value }) => [name.replace(/.*_/, ''), value])).toEqual([['sum', 6.009], ['count', 7]]);
    expect(await valueOf(meter, 'espalier_request_duration_seconds_count', { role: 'challenger' })).toBe(2);
  });

  it('takes every kind of fact, and names models in the info metric only', async () => {
    const meter = prometheusMeter();
    for (const happening of Object.values(EVERY_KIND)) meter.record(factOf(happening));
    const named = [...(await familiesOf(meter)).entries()].filter(([, { samples }]) => samples.some(({ labels }) => 'model' in labels));
    expect(named.map(([name]) => name)).toEqual(['espalier_model_info']);
    expect(await valueOf(meter, 'espalier_engine_info', { engine: 'native', variant: 'avx2' })).toBe(1);
  });

  it('has as many series after a hundred swaps as before', async () => {
    const meter = prometheusMeter();
    const swap = (version: number): void => {
      const roster = rosterOf(version, { challenger: `candidate-${String(version)}`, predecessor: `model-${String(version - 1)}` });
      for (const happening of Object.values(EVERY_KIND)) meter.record(factOf(happening));
      meter.record(factOf({ ...EVERY_KIND.batch, model: roster.champion }));
      meter.record(factOf({ kind: 'routed', order: String(version), roster, swapMs: 1 }));
    };
    swap(1);
    const before = await ownSeries(meter);
    for (let version = 2; version <= 101; version++) swap(version);
    expect(await ownSeries(meter)).toBe(before);
    expect(await valueOf(meter, 'espalier_model_info', { role: 'champion', model: 'model-101' })).toBe(1);
    meter.record(factOf({ kind: 'routed', order: 'last', roster: rosterOf(102), swapMs: 1 }));
    expect(await ownSeries(meter)).toBe(before - 2);
  });

  if (existsSync(PROMTOOL)) it('passes promtool check metrics', async () => {
    const meter = prometheusMeter();
    for (const happening of Object.values(EVERY_KIND)) meter.record(factOf(happening));
    // The lint is for our names: some of the process metrics of prom-client are gauges that end in _total.
    const ours = (await meter.text()).split('\n').filter((line) => /^(# (HELP|TYPE) )?espalier_/.test(line)).join('\n');
    const said = execFileSync(PROMTOOL, ['check', 'metrics'], { input: `${ours}\n`, encoding: 'utf8' });
    expect(said).toBe('');
  });

  it('says its content type', () => {
    expect(prometheusMeter().contentType).toMatch(/^text\/plain; version=0\.0\.4/);
  });
});

it('the recording meter keeps the facts in order', () => {
  const meter = recordingMeter();
  const facts = Object.values(EVERY_KIND).map(factOf);
  for (const fact of facts) meter.record(fact);
  expect(meter.facts).toEqual(facts);
});
