import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import { METRICS, type MetricDefinition, type MetricKey } from '../../metrics/definitions.ts';
import { samplesOf, type Sample, type SampleLabels } from '../../metrics/from-facts.ts';
import type { Meter } from '../../ports.ts';
import { bucketHistogram } from './bucket-histogram.ts';

export interface PrometheusMeter extends Meter {
  /** All metrics in the text format of Prometheus. */
  text(): Promise<string>;
  readonly contentType: string;
}

type Apply = (sample: Sample) => void;

/**
 * A meter for Prometheus, with a registry of its own and the metrics of the process. Every series with bounded labels
 * is there from the start at 0, so that a rate sees the first increment and an alert can tell "none" from "not there".
 */
export function prometheusMeter(): PrometheusMeter {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const collectors = new Map<MetricKey, Apply>();
  for (const [key, definition] of Object.entries(METRICS) as [MetricKey, MetricDefinition][]) collectors.set(key, collectorOf(definition, registry));
  return {
    record: (fact) => {
      for (const sample of samplesOf(fact)) collectors.get(sample.metric)!(sample);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Registers a metric with its series at 0, and returns what applies a sample to it. */
function collectorOf(definition: MetricDefinition, registry: Registry): Apply {
  const { name, help, labels, type } = definition;
  const options = { name, help, labelNames: [...Object.keys(labels), ...(definition.freeLabels ?? [])], registers: [registry] };
  const series = combinations(labels);
  switch (type) {
    case 'counter': {
      const counter = new Counter(options);
      for (const one of series) counter.inc(one, 0);
      return (sample) => { if (sample.kind === 'add') counter.inc(sample.labels, sample.value); };
    }
    case 'gauge': {
      const gauge = new Gauge(options);
      for (const one of series) gauge.set(one, 0);
      return (sample) => { if (sample.kind === 'set') gauge.set(sample.labels, sample.value); };
    }
    case 'histogram': {
      const histogram = bucketHistogram(definition);
      registry.registerMetric(histogram.metric);
      for (const one of series) histogram.add(one, [], 0);
      return (sample) => { if (sample.kind === 'buckets') histogram.add(sample.labels, sample.counts, sample.sum); };
    }
    case 'info': return infoCollector(new Gauge(options));
  }
}

/** An info metric has one series for each value of its bounded labels: the one before goes when the next one comes. */
function infoCollector(gauge: Gauge): Apply {
  const present = new Map<string, SampleLabels>();
  return (sample) => {
    if (sample.kind !== 'info') return;
    const key = JSON.stringify(sample.labels);
    const before = present.get(key);
    if (before !== undefined) gauge.remove(before);
    present.delete(key);
    if (sample.free === null) return;
    const labels = { ...sample.labels, ...sample.free };
    gauge.set(labels, 1);
    present.set(key, labels);
  };
}

/** Every combination of the values of some labels. */
export function combinations(labels: MetricDefinition['labels']): SampleLabels[] {
  let all: SampleLabels[] = [{}];
  for (const [name, values] of Object.entries(labels)) all = all.flatMap((one) => values.map((value) => ({ ...one, [name]: value })));
  return all;
}
