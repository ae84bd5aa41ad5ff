/** Values that the code spells otherwise than the contract; `scripts/codegen-mappers.mjs` says the same to the compiler. */
export const enumResolvers = {
  Runtime: { TFJS_GRAPH: 'tfjs-graph', TFJS_NODE: 'tfjs-node', TFJS_WASM: 'tfjs-wasm', ONNX: 'onnx' },
} as const;
