function createClient(baseUrl, credential) {
  const authorization = credential === void 0 ? {} : { authorization: `Bearer ${credential}` };
  return Object.freeze({
    async run(document, variables = {}) {
      const response = await fetch(`${baseUrl}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json", ...authorization },
        body: JSON.stringify({ query: document, variables }),
        signal: AbortSignal.timeout(18e4)
      });
      const body = await response.json();
      if (body.errors !== void 0 || body.data === void 0) {
        throw new Error(`${response.status}: ${JSON.stringify(body.errors ?? body)}`);
      }
      return body.data;
    },
    async upload(bytes) {
      const response = await fetch(`${baseUrl}/uploads`, {
        method: "PUT",
        headers: { "content-type": "application/octet-stream", ...authorization },
        body: Buffer.from(bytes),
        signal: AbortSignal.timeout(18e4)
      });
      if (response.status !== 201) throw new Error(`Upload: ${response.status} ${await response.text()}`);
      return (await response.json()).upload;
    },
    as: (other) => createClient(baseUrl, other)
  });
}
function succeeded(payload) {
  if (payload.errors.length > 0) {
    throw new Error(payload.errors.map((error) => `${error.code}: ${error.message}`).join("; "));
  }
  return payload;
}
export {
  createClient,
  succeeded
};
//# sourceMappingURL=client.js.map
