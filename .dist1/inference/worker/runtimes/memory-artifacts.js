function memoryArtifacts(header, weights) {
  return {
    modelTopology: header.modelTopology,
    weightSpecs: header.weightSpecs.map((spec) => ({
      ...spec,
      shape: [...spec.shape]
    })),
    weightData: new Uint8Array(weights).buffer,
    ...header.graphSignature ? { signature: header.graphSignature } : {},
    ...header.initializerSignature ? { initializerSignature: header.initializerSignature } : {},
    ...header.initializer ? { modelInitializer: header.initializer } : {}
  };
}
export {
  memoryArtifacts
};
//# sourceMappingURL=memory-artifacts.js.map
