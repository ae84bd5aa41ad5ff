import { isUtf8 } from "node:buffer";
import { ClientError } from "./errors.js";
const UTF8_NAMES = /* @__PURE__ */ new Set(["utf-8", "utf8"]);
function registerJsonBody(app, options) {
  const parse = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ["application/json", "application/graphql+json"],
    { parseAs: "buffer", bodyLimit: options.bodyLimitBytes },
    (request, body, done) => {
      const problem = problemOf(request, body);
      if (problem === null) void parse(request, body.toString("utf8"), done);
      else done(problem);
    }
  );
}
function problemOf(request, body) {
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)"?/i.exec(request.headers["content-type"] ?? "")?.[1];
  if (charset !== void 0 && !UTF8_NAMES.has(charset.toLowerCase())) {
    return new ClientError(415, `JSON is read as UTF-8; the charset "${charset.slice(0, 40)}" is not.`);
  }
  const encoding = request.headers["content-encoding"];
  if (encoding !== void 0 && encoding.toLowerCase() !== "identity") {
    return new ClientError(415, "Compressed request bodies are not read; send the JSON as it is.");
  }
  if (!isUtf8(body)) return new ClientError(400, "The request body is not valid UTF-8.");
  return null;
}
export {
  registerJsonBody
};
//# sourceMappingURL=json-body.js.map
