const RIGHTS = ["VIEW", "PREDICT", "DOWNLOAD"];
const VISIBILITIES = ["PRIVATE", "UNLISTED", "PUBLIC"];
function fullNameOf(model) {
  return `${model.ownerSlug}/${model.name}`;
}
export {
  RIGHTS,
  VISIBILITIES,
  fullNameOf
};
//# sourceMappingURL=model.js.map
