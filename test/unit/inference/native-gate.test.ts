import { describe, expect, it } from 'vitest';
import { createGateMemory, endThroughGate, nativeGate } from '../../../src/inference/native-gate.js';
import { until } from '../../support/until.js';

describe('the gate around native calls', () => {
  it('ends an idle thread at once, and no call begins after that', () => {
    const memory = createGateMemory();
    let ended = 0;
    endThroughGate(memory, () => ended++);
    expect(ended).toBe(1);
    expect(() => nativeGate(memory).around(() => 1)).toThrow(/ending/);
  });

  it('waits for the call in progress, also when it fails, and ends once', async () => {
    const memory = createGateMemory();
    const gate = nativeGate(memory);
    let ended = 0;
    expect(() =>
      gate.around(() => {
        endThroughGate(memory, () => ended++);
        expect(ended).toBe(0);
        throw new Error('the model failed');
      }),
    ).toThrow('the model failed');
    expect(() => gate.around(() => 1)).toThrow(/ending/);
    await until(() => ended === 1, { timeoutMs: 2_000 });
  });

  it('stops waiting when it is told to', async () => {
    const memory = createGateMemory();
    let ended = 0;
    let isOver = false;
    nativeGate(memory).around(() => {
      endThroughGate(memory, () => ended++)();
    });
    endThroughGate(createGateMemory(), () => (isOver = true));
    await until(() => isOver, { timeoutMs: 2_000 });
    expect(ended).toBe(0);
  });

  it('lets one call after the other through', () => {
    const gate = nativeGate(createGateMemory());
    expect([1, 2, 3].map((n) => gate.around(() => n))).toEqual([1, 2, 3]);
    expect(nativeGate(null).around(() => 4)).toBe(4);
  });
});
