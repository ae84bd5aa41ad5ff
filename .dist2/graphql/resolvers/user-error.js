function errorTypeName(code) {
  const words = code.toLowerCase().split("_");
  return `${words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("")}Error`;
}
const userErrorResolvers = {
  UserError: {
    __resolveType: (refusal) => errorTypeName(refusal.code)
  }
};
export {
  errorTypeName,
  userErrorResolvers
};
//# sourceMappingURL=user-error.js.map
