function nativeEnvironment({ workers, cores }) {
  const threads = String(Math.max(1, Math.floor(cores / workers)));
  return {
    TF_NUM_INTRAOP_THREADS: threads,
    TF_NUM_INTEROP_THREADS: "1",
    OMP_NUM_THREADS: threads,
    // Errors only: TensorFlow otherwise prints a page about the processor.
    TF_CPP_MIN_LOG_LEVEL: "3"
  };
}
function applyNativeEnvironment(settings, environment) {
  for (const [name, value] of Object.entries(settings)) environment[name] ??= value;
}
export {
  applyNativeEnvironment,
  nativeEnvironment
};
//# sourceMappingURL=native-environment.js.map
