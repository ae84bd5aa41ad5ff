const MAX_MESSAGE_CHARACTERS = 500;
function flattenError(error) {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.replace(/\s+/g, " ").trim().replace(/(?:file:\/\/)?(?:\/[\w.@+-]+){2,}/g, "(path)");
  if (line === "") return "The engine gave no reason.";
  return line.length > MAX_MESSAGE_CHARACTERS ? `${line.slice(0, MAX_MESSAGE_CHARACTERS)}\u2026` : line;
}
export {
  flattenError
};
//# sourceMappingURL=flatten-error.js.map
