import fc from 'fast-check';
import { Histogram, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { createBoundedSeries, OTHER } from '../../../src/http/bounded-series.js';
import { createHistogramFamily } from '../../../src/http/histogram-family.js';

const options = { name: 'souk_test_seconds', help: 'For this test.', buckets: [0.001, 0.5, 1] };

it('a histogram prints what prom-client prints for the same observations', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.double({ min: 0, max: 2, noNaN: true }), fc.constantFrom(0.001, 0.5, 1))),
      fc.array(fc.double({ min: 0, max: 2, noNaN: true })),
      async (first, second) => {
        const family = createHistogramFamily(options);
        const registry = new Registry();
        const reference = new Histogram({
          ...options,
          labelNames: ['model', 'tenant'],
          registers: [registry],
        });
        for (const [model, values] of [
          ['a/b', first],
          ['c"\\\n', second],
        ] as const) {
          const labels = { model, tenant: 't' };
          const series = family.series(labels);
          reference.zero(labels);
          for (const value of values) {
            series.observe(value);
            reference.observe(labels, value);
          }
        }
        const lines = (text: string) =>
          text
            .split('\n')
            .filter((line) => line !== '')
            // prom-client puts `le` first; the order of labels means nothing.
            .map((line) => line.replace(/\{le="([^"]+)",(.*)\} /, '{$2,le="$1"} '));
        expect(lines(family.render()).sort()).toEqual(lines(await registry.metrics()).sort());
      },
    ),
    { numRuns: 50 },
  );
});

it('a histogram without labels prints none', () => {
  const family = createHistogramFamily({ ...options, buckets: [1] });
  family.series({}).observe(2);
  expect(family.render()).toBe(
    [
      '# HELP souk_test_seconds For this test.',
      '# TYPE souk_test_seconds histogram',
      'souk_test_seconds_bucket{le="1"} 0',
      'souk_test_seconds_bucket{le="+Inf"} 1',
      'souk_test_seconds_sum 2',
      'souk_test_seconds_count 1',
      '',
    ].join('\n'),
  );
});

it('whatever callers do, series stay within the limits and no labels come twice', () => {
  const limits = { maxPairs: 6, maxPairsPerTenant: 3, maxTenants: 4 };
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', OTHER);
  fc.assert(
    fc.property(fc.array(fc.tuple(name, name), { maxLength: 200 }), (calls) => {
      const made: string[] = [];
      const seriesOf = createBoundedSeries(limits, (labels) => {
        made.push(`${labels.model} ${labels.tenant}`);
        return labels;
      });
      for (const [model, tenant] of calls) {
        const series = seriesOf(model, tenant);
        expect(seriesOf(model, tenant)).toBe(series);
        expect([model, OTHER]).toContain(series.model);
        expect([tenant, OTHER]).toContain(series.tenant);
      }
      expect(new Set(made).size).toBe(made.length);
      expect(made.length).toBeLessThanOrEqual(limits.maxPairs + limits.maxTenants + 1);
      const tenants = new Set(made.map((labels) => labels.split(' ')[1]));
      expect(tenants.size).toBeLessThanOrEqual(limits.maxTenants + 1);
    }),
  );
});

it('a tenant with many models leaves room for the others', () => {
  const seriesOf = createBoundedSeries(
    { maxPairs: 6, maxPairsPerTenant: 3, maxTenants: 4 },
    (labels) => labels,
  );
  for (let i = 0; i < 50; i++) seriesOf(`flood/${i}`, 'flooder');
  expect(seriesOf('quiet/model', 'quiet')).toEqual({ model: 'quiet/model', tenant: 'quiet' });
  expect(seriesOf('flood/49', 'flooder')).toEqual({ model: OTHER, tenant: 'flooder' });
});
