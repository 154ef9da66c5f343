import type { Metric } from 'prom-client';
import type { MetricDefinition } from '../../metrics/definitions.ts';
import type { SampleLabels } from '../../metrics/from-facts.ts';

interface Series {
  readonly labels: SampleLabels;
  /** Counts by bucket, not cumulative: [buckets + 1]. */
  readonly counts: number[];
  sum: number;
}

/**
 * A histogram to which whole buckets are added. Facts carry a batch's latencies as bucket counts; prom-client's own
 * histogram takes single observations only, and would make one call of each and guess the sum. A registry needs of a
 * metric no more than its name and what `get` returns.
 */
export function bucketHistogram({ name, help, buckets = [] }: MetricDefinition): { readonly metric: Metric; add(labels: SampleLabels, counts: readonly number[], sum: number): void } {
  const all = new Map<string, Series>();
  const bounds = [...buckets.map(String), '+Inf'];

  const valuesOf = ({ labels, counts, sum }: Series) => {
    let below = 0;
    const cumulative = bounds.map((le, i) => ({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: (below += counts[i]!) }));
    return [...cumulative, { metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: below }];
  };
  const collector = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    get: () => Promise.resolve({ name, help, type: 'histogram', aggregator: 'sum', values: [...all.values()].flatMap(valuesOf) }),
    reset: () => { all.clear(); },
  };
  return {
    metric: collector as unknown as Metric,
    add: (labels, counts, sum) => {
      const key = JSON.stringify(labels);
      let series = all.get(key);
      if (series === undefined) all.set(key, series = { labels, counts: bounds.map(() => 0), sum: 0 });
      for (let i = 0; i < bounds.length; i++) series.counts[i]! += counts[i] ?? 0;
      series.sum += sum;
    },
  };
}
