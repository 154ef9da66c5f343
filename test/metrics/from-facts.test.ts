// Goal: the table of metrics is well formed, and facts become the right samples of it. Method: naming rules over the table; every kind of fact against the table and against figures counted by hand.
import { describe, expect, it } from 'vitest';
import { METRICS, type MetricDefinition, type MetricKey } from '../../src/metrics/definitions.ts';
import { samplesOf, type Sample } from '../../src/metrics/from-facts.ts';
import { EVERY_KIND, factOf, latencyAt } from './sample-facts.ts';

const definitions = Object.entries(METRICS) as [MetricKey, MetricDefinition][];
const valuesOf = (samples: readonly Sample[], metric: MetricKey) =>
  samples.filter((sample) => sample.metric === metric).map((sample) => [Object.values(sample.labels).join(), 'value' in sample ? sample.value : sample.kind === 'buckets' ? sample.sum : sample.free]);

describe('the table of metrics', () => {
  it('is named as Prometheus wants it', () => {
    for (const [key, { name, type, help, unit, labels }] of definitions) {
      expect(name, key).toMatch(/^espalier(_[a-z0-9]+)+$/);
      expect(name.endsWith('_total'), name).toBe(type === 'counter');
      expect(name.endsWith('_info'), name).toBe(type === 'info');
      if (type !== 'counter') expect(name).not.toMatch(/_(count|sum|bucket)$/);
      expect(help, name).toMatch(/\.$/);
      if (unit === 'seconds' || unit === 'bytes' || unit === 'ratio') expect(name).toContain(unit === 'ratio' ? '_ratio' : `_${unit}`);
      expect(name).not.toMatch(/_(ms|us|perc|percent)(_|$)/);
      for (const label of Object.keys(labels)) expect(['le', 'quantile', 'job', 'instance']).not.toContain(label);
    }
    expect(new Set(definitions.map(([, { name }]) => name)).size).toBe(definitions.length);
  });

  it('bounds the number of series and gives histograms ascending buckets', () => {
    let series = 0;
    for (const [key, { type, labels, buckets, freeLabels }] of definitions) {
      const each = type === 'histogram' ? buckets!.length + 3 : 1;
      series += each * Object.values(labels).reduce((product, values) => product * values.length, 1);
      expect(buckets !== undefined, key).toBe(type === 'histogram');
      expect(freeLabels !== undefined, key).toBe(type === 'info');
      if (buckets !== undefined) expect([...buckets].sort((a, b) => a - b)).toEqual(buckets);
      for (const values of Object.values(labels)) expect(new Set(values).size).toBe(values.length);
    }
    expect(series).toBeLessThan(600);
  });

  it('counts the values of a label to a meaning: no model id, session or reason is one', () => {
    for (const [key, { labels, type }] of definitions) {
      if (type !== 'info') expect(Object.keys(labels).filter((label) => ['model', 'session', 'id', 'version', 'reason'].includes(label) && key !== 'evictions')).toEqual([]);
    }
  });
});

describe('the samples of a fact', () => {
  it('are of the table, whatever the kind', () => {
    const used = new Set<MetricKey>();
    for (const happening of Object.values(EVERY_KIND)) {
      for (const { metric, labels, kind } of samplesOf(factOf(happening))) {
        used.add(metric);
        const definition: MetricDefinition = METRICS[metric];
        expect({ add: 'counter', set: 'gauge', buckets: 'histogram', info: 'info' }[kind], metric).toBe(definition.type);
        expect(Object.keys(labels)).toEqual(Object.keys(definition.labels));
        for (const [label, value] of Object.entries(labels)) expect(definition.labels[label], metric).toContain(value);
      }
    }
    // The sample of job-news is a progress; its other forms, a stage and a device, have tests below.
    expect(definitions.map(([key]) => key).filter((key) => !used.has(key))).toEqual(['tuningSeconds', 'tuningDevice']);
  });

  it('of a batch count requests, steps, seconds and latencies', () => {
    const samples = samplesOf(factOf(EVERY_KIND.batch));
    expect(valuesOf(samples, 'requests')).toEqual([['champion', 6]]);
    expect(valuesOf(samples, 'engineSeconds')).toEqual([['champion', 0.004]]);
    expect(samples.find(({ metric }) => metric === 'requestDuration')).toEqual({ kind: 'buckets', metric: 'requestDuration', labels: { role: 'champion' }, counts: latencyAt(2, 6), sum: 0.009 });
    expect(samples.find(({ metric }) => metric === 'batchSize')).toMatchObject({ counts: [0, 0, 0, 1, 0, 0, 0, 0, 0, 0], sum: 6 });
  });

  it('of a shadow batch hold no latency: nobody waited for it', () => {
    const samples = samplesOf(factOf({ ...EVERY_KIND.batch, role: 'anchor', latency: latencyAt(0, 0), latencyMsSum: 0 }));
    expect(valuesOf(samples, 'requests')).toEqual([['anchor', 6]]);
    expect(valuesOf(samples, 'requestDuration')).toEqual([]);
  });

  it('of evidence tell what was right, by role and by duel', () => {
    const samples = samplesOf(factOf(EVERY_KIND.evidence));
    expect(valuesOf(samples, 'correctSteps')).toEqual([['champion', 90], ['anchor', 9]]);
    expect(valuesOf(samples, 'duelSteps')).toEqual([['both', 80], ['reference_only', 2], ['candidate_only', 3], ['neither', 15]]);
  });

  it('of refusals put unusual codes together', () => {
    expect(valuesOf(samplesOf(factOf(EVERY_KIND.refused)), 'refused')).toEqual([['request-not-json', 2], ['label-orphan', 1], ['other', 1]]);
  });

  it('of a roster name the model of each role, and none where there is none', () => {
    expect(valuesOf(samplesOf(factOf(EVERY_KIND.routed)), 'modelInfo')).toEqual([['champion', { model: 'b' }], ['challenger', { model: 'c' }], ['anchor', { model: 'anchor' }], ['predecessor', { model: 'a' }]]);
    expect(valuesOf(samplesOf(factOf(EVERY_KIND['loop-started'])), 'modelInfo')).toContainEqual(['challenger', null]);
  });

  it('of a stage count its seconds', () => {
    expect(samplesOf(factOf({ kind: 'job-news', job: 'j', news: { kind: 'stage', stage: 'train', ms: 1500 } }))).toEqual([{ kind: 'add', metric: 'tuningSeconds', labels: { stage: 'train' }, value: 1.5 }]);
  });

  it('of a device name what it has, and none for what it has not', () => {
    const device = { device: 'cpu', tensorflow: '2.18.1', gpu: null, driver: null, cuda: '12.5.82', cudnn: '9.3.0.75' } as const;
    expect(samplesOf(factOf({ kind: 'job-news', job: 'j', news: { kind: 'device', device } }))).toEqual([{ kind: 'info', metric: 'tuningDevice', labels: {}, free: { ...device, gpu: 'none', driver: 'none' } }]);
  });
});
