import { GraphQLError } from "graphql";
function toPayload(result, onSuccess) {
  if (result.ok) return { ...onSuccess(result.value), errors: [] };
  const { error } = result;
  const errors = isList(error) ? error : [error];
  return { errors };
}
function isList(error) {
  return Array.isArray(error);
}
const QUERY_CODES = { INVALID_INPUT: "BAD_USER_INPUT" };
function valueOrThrow(result) {
  if (result.ok) return result.value;
  const { code, message, path } = result.error;
  throw new GraphQLError(message, {
    extensions: { code: QUERY_CODES[code] ?? code, ...path === void 0 ? {} : { argumentPath: path } }
  });
}
export {
  toPayload,
  valueOrThrow
};
//# sourceMappingURL=payload.js.map
