/** A small hand-written TFJS graph with every datatype that the tfjs engines know. */
import { packOf, type TestPack } from './make-pack.js';

const floats = { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '2' }] } } };

/**
 * Inputs `x` FP32 [-1, 2] and `text` BYTES [-1]. Outputs, in an order of their own: `positive` BOOL, x > w;
 * `whole` INT32, x cut to integers; `weight`, the weight w itself (a constant 0.5); `same`, the text.
 */
export function everyDatatypePack(): TestPack {
  return packOf(
    {
      kind: 'tfjs-graph',
      modelTopology: {
        node: [
          { name: 'x', op: 'Placeholder', attr: floats },
          {
            name: 'text',
            op: 'Placeholder',
            attr: { dtype: { type: 'DT_STRING' }, shape: { shape: { dim: [{ size: '-1' }] } } },
          },
          { name: 'w', op: 'Const', attr: { dtype: { type: 'DT_FLOAT' } } },
          {
            name: 'cut',
            op: 'Cast',
            input: ['x'],
            attr: { SrcT: { type: 'DT_FLOAT' }, DstT: { type: 'DT_INT32' } },
          },
          { name: 'above', op: 'Greater', input: ['x', 'w'], attr: { T: { type: 'DT_FLOAT' } } },
          { name: 'Identity', op: 'Identity', input: ['w'], attr: { T: { type: 'DT_FLOAT' } } },
          { name: 'echo', op: 'Identity', input: ['text'], attr: { T: { type: 'DT_STRING' } } },
        ],
        versions: {},
      },
      weightSpecs: [{ name: 'w', shape: [], dtype: 'float32' }],
      signature: {
        inputs: [
          { name: 'text', datatype: 'BYTES', shape: [-1] },
          { name: 'x', datatype: 'FP32', shape: [-1, 2] },
        ],
        outputs: [
          { name: 'positive', datatype: 'BOOL', shape: [-1, 2] },
          { name: 'same', datatype: 'BYTES', shape: [-1] },
          { name: 'weight', datatype: 'FP32', shape: [] },
          { name: 'whole', datatype: 'INT32', shape: [-1, 2] },
        ],
      },
      inputNodes: ['text', 'x:0'],
      outputNodes: ['above:0', 'echo', 'Identity:0', 'cut'],
    },
    new Uint8Array(Float32Array.of(0.5).buffer),
  );
}

/** A graph of one op on one FP32 input, e.g. one for which an engine has no kernel. */
export function singleOpPack(op: string): TestPack {
  return packOf(
    {
      kind: 'tfjs-graph',
      modelTopology: {
        node: [
          { name: 'x', op: 'Placeholder', attr: floats },
          { name: 'y', op, input: ['x'], attr: { T: { type: 'DT_FLOAT' } } },
        ],
        versions: {},
      },
      weightSpecs: [],
      signature: {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
      },
      inputNodes: ['x'],
      outputNodes: ['y'],
    },
    new Uint8Array(),
  );
}
