class Refused extends Error {
  refusal;
  constructor(refusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}
const MAX_SUBJECT_LENGTH = 200;
function printable(text, maxLength = MAX_SUBJECT_LENGTH) {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029]/gu, "?");
  return clean.length > maxLength ? `${clean.slice(0, maxLength)}\u2026` : clean;
}
function refuseImport(code, subject, message) {
  throw new Refused({
    code,
    message: printable(message, 1e3),
    subject: subject === null ? null : printable(subject)
  });
}
export {
  Refused,
  printable,
  refuseImport
};
//# sourceMappingURL=refused.js.map
