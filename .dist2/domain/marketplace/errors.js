const USES = {
  VIEW: "see this model",
  PREDICT: "run predictions on this model",
  DOWNLOAD: "download the artifacts of this model"
};
function notEntitled(right, path) {
  return {
    code: "NOT_ENTITLED",
    message: `Your tenant may not ${USES[right]}. Its owner can grant you ${right}.`,
    path,
    right
  };
}
export {
  notEntitled
};
//# sourceMappingURL=errors.js.map
