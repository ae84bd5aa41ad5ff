import { expect, it, vi } from 'vitest';
import { createCallerWatch } from '../../../src/inference/caller-watch.js';

it('tells each of many requests once that their caller has gone, with one listener on its signal', () => {
  const watch = createCallerWatch();
  const gone = new AbortController();
  const listen = vi.spyOn(gone.signal, 'addEventListener');
  const told: number[] = [];
  for (let request = 0; request < 100; request++) watch(gone.signal, () => told.push(request));

  gone.abort();
  gone.abort();

  expect(told).toEqual(Array.from({ length: 100 }, (_, request) => request));
  expect(listen).toHaveBeenCalledTimes(1);
});

it('tells nothing to a request that has ended, nor to those of other callers', () => {
  const watch = createCallerWatch();
  const [one, other] = [new AbortController(), new AbortController()];
  const told: string[] = [];
  const stop = watch(one.signal, () => told.push('ended'));
  watch(other.signal, () => told.push('other'));
  watch(one.signal, () => told.push('waits'));
  stop();

  one.abort();

  expect(told).toEqual(['waits']);
});

it('lets a request that is told end another one', () => {
  const watch = createCallerWatch();
  const gone = new AbortController();
  const told: string[] = [];
  watch(gone.signal, () => {
    told.push('first');
    watch(gone.signal, () => told.push('late'));
  });
  watch(gone.signal, () => told.push('second'));

  gone.abort();

  expect(told).toEqual(['first', 'second']);
});
