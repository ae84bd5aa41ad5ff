import { describe, expect, it } from 'vitest';
import { checkMessage } from '../../../src/inference/check-message.js';
import { encodeBytesElements } from '../../../src/inference/tensors.js';

const output = { name: 'y', datatype: 'FP32', shape: [2], data: new ArrayBuffer(8) };
const inferred = { type: 'inferred', id: 1, outputs: [output], loadMs: 0, computeMs: 0.5 };
const text = encodeBytesElements([Buffer.from('a'), Buffer.from('bc')]);

describe('what a worker process says', () => {
  it.each([
    inferred,
    { ...inferred, outputs: [{ ...output, datatype: 'BYTES', data: text.buffer }] },
    { type: 'ready', runtimes: [{ runtime: 'tfjs-wasm', available: true, reason: null }] },
    { type: 'residents', models: [{ digest: 'a'.repeat(64), runtime: 'tfjs-wasm', bytes: 10 }] },
    { type: 'computing', id: 3 },
  ])('is believed when it is of the protocol: %j', (message) => {
    expect(checkMessage(message)).toEqual(message);
  });

  it.each([
    null,
    'ready',
    { type: 'sing', id: 1 },
    { type: 'ready' },
    { type: 'ready', runtimes: [{ runtime: 'cuda', available: true, reason: null }] },
    { ...inferred, id: '1' },
    { ...inferred, computeMs: -1 },
    { ...inferred, outputs: [{ ...output, data: new ArrayBuffer(7) }] },
    { ...inferred, outputs: [{ ...output, data: { $buffer: 0 } }] },
    { ...inferred, outputs: [{ ...output, shape: [-2] }] },
    { ...inferred, outputs: [{ ...output, datatype: 'BYTES', data: new ArrayBuffer(7) }] },
    { type: 'refused', id: 1, refusal: { code: 'OVERLOADED', message: '' }, fatal: false },
  ])('is not believed when it is not: %j', (message) => {
    expect(checkMessage(message)).toBeNull();
  });
});
