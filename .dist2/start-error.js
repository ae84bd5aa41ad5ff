class StartError extends Error {
  name = "StartError";
}
export {
  StartError
};
//# sourceMappingURL=start-error.js.map
