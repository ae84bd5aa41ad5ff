function invalidInput(path, message) {
  return { code: "INVALID_INPUT", message, path };
}
function modelNotFound(path = ["modelId"]) {
  return { code: "NOT_FOUND", message: "There is no such model that you could use here.", path };
}
function modelArchived(path = ["modelId"]) {
  return {
    code: "CONFLICT",
    message: "This model is archived, and so read-only. Unarchive it first.",
    path
  };
}
function nameTaken(name) {
  return {
    code: "CONFLICT",
    message: `Your tenant has, or had, a model named "${name}". Choose another name.`,
    path: ["name"]
  };
}
export {
  invalidInput,
  modelArchived,
  modelNotFound,
  nameTaken
};
//# sourceMappingURL=errors.js.map
