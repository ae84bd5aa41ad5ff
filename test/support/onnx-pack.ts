/** Packs of ONNX files for engines and pools, as an import writes them. */
import { bufferSource } from '../../src/importers/byte-source.js';
import { readOnnx } from '../../src/importers/onnx.js';
import { packOf, type TestPack } from './make-pack.js';

/** Through the importer's own reading; shapes that only a run can tell are left open. */
export function onnxPack(file: Uint8Array): TestPack {
  const { files = [], inputs, outputs } = readOnnx(bufferSource(file));
  const spec = ({ name, datatype, shape }: (typeof inputs)[number]) => ({
    name,
    datatype,
    shape: shape ?? [-1],
  });
  const bytes = Buffer.concat(files.flatMap((part) => [...part.read()]));
  return packOf(
    {
      kind: 'onnx',
      modelTopology: null,
      weightSpecs: [],
      files: files.map(({ name, byteLength }) => ({ name, byteLength })),
      signature: { inputs: inputs.map(spec), outputs: outputs.map(spec) },
      inputNodes: inputs.map(({ node }) => node),
      outputNodes: outputs.map(({ node }) => node),
    },
    bytes,
  );
}
