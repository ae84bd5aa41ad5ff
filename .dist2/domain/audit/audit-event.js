const SECRET_NAME = /((secret|password|token)(hash)?|authorization|credentials?)$/i;
const MAX_DETAIL_CHARACTERS = 2e3;
function assertNothingSecret(details) {
  for (const [name, value] of Object.entries(details)) {
    if (SECRET_NAME.test(name)) throw new Error(`The audit detail ${name} would record a secret.`);
    const texts = typeof value === "string" ? [value] : Array.isArray(value) ? value : [];
    if (texts.some((text) => /souk_(live|refresh|invite)_[0-9A-Za-z]{20}/.test(text))) {
      throw new Error(`The audit detail ${name} holds a secret.`);
    }
  }
}
function shortened(details) {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => [
      name,
      typeof value === "string" && value.length > MAX_DETAIL_CHARACTERS ? `${value.slice(0, MAX_DETAIL_CHARACTERS)}\u2026` : value
    ])
  );
}
export {
  assertNothingSecret,
  shortened
};
//# sourceMappingURL=audit-event.js.map
