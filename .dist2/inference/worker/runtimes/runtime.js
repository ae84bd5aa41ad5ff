class EngineUnavailableError extends Error {
  name = "EngineUnavailableError";
}
class ModelLoadError extends Error {
  name = "ModelLoadError";
}
function isFatalEngineError(error) {
  return error instanceof Error && error.name === "RuntimeError";
}
export {
  EngineUnavailableError,
  ModelLoadError,
  isFatalEngineError
};
//# sourceMappingURL=runtime.js.map
