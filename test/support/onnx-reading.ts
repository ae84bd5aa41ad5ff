/** Reading ONNX files in this process, where any exception but a refusal shows; and parts that tests share. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { bufferSource } from '../../src/importers/byte-source.js';
import { readOnnx } from '../../src/importers/onnx.js';
import { Refused } from '../../src/importers/refused.js';
import type { ImportRefusal } from '../../src/importers/types.js';
import { attribute, graph, node, onnxModel, TYPE, value } from './onnx-model.js';

export const onnxFixture = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/onnx/${name}.onnx`, import.meta.url));

export function refusalOf(bytes: Uint8Array): ImportRefusal {
  try {
    readOnnx(bufferSource(bytes));
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
  throw new Error('The file was accepted.');
}

export const X = [value('x', TYPE.float, ['n', 2])];
export const Y = [value('y', TYPE.float, ['n', 2])];
export const SOUND = onnxModel({ nodes: [node('Abs', ['x'], ['y'])], inputs: X, outputs: Y });

export const ifWith = (then: Uint8Array): Buffer =>
  onnxModel({
    nodes: [
      node('If', ['f'], ['y'], {
        name: 'choice',
        attributes: [
          attribute.graph('then_branch', then),
          attribute.graph('else_branch', graph({ nodes: [node('Abs', ['x'], ['z'])], outputs: Y })),
        ],
      }),
    ],
    inputs: [value('f', TYPE.bool, []), ...X],
    outputs: Y,
  });

export type HostileRow = readonly [
  what: string,
  bytes: () => Uint8Array,
  code: ImportRefusal['code'],
  subject: string | null,
  message: RegExp,
];

/** One test for each row. */
export function itRefuses(rows: readonly HostileRow[]): void {
  it.each(rows.map((row) => ({ what: row[0], row })))(
    '$what',
    ({ row: [, bytes, code, subject, message] }) => {
      const refusal = refusalOf(bytes());
      expect([refusal.code, refusal.subject]).toEqual([code, subject]);
      expect(refusal.message).toMatch(message);
    },
  );
}
