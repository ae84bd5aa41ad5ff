function invalidInput(path, message) {
  return { code: "INVALID_INPUT", message, path: [path] };
}
function slugTaken(slug, path) {
  return { code: "CONFLICT", message: `The slug ${slug} is taken; choose another.`, path: [path] };
}
function membershipNotFound() {
  return {
    code: "NOT_FOUND",
    message: "There is no such membership in your tenant.",
    path: ["membershipId"]
  };
}
function invitationNotFound() {
  return {
    code: "NOT_FOUND",
    message: "There is no such open invitation in your tenant.",
    path: ["invitationId"]
  };
}
function alreadyMember(path) {
  return {
    code: "CONFLICT",
    message: "This person is a member of the tenant already; change the role instead.",
    ...path === void 0 ? {} : { path: [path] }
  };
}
function lastOwner() {
  return {
    code: "CONFLICT",
    message: "This is the only owner of the tenant; make another member an owner first.",
    path: ["membershipId"]
  };
}
function tooManyInvitations(limit) {
  return {
    code: "CONFLICT",
    message: `The tenant has ${limit} open invitations, which is the limit; revoke some first.`
  };
}
function invitationNotValid() {
  return {
    code: "INVALID_CREDENTIALS",
    message: "The invitation is not valid for your address, or not any more; ask for a new one."
  };
}
export {
  alreadyMember,
  invalidInput,
  invitationNotFound,
  invitationNotValid,
  lastOwner,
  membershipNotFound,
  slugTaken,
  tooManyInvitations
};
//# sourceMappingURL=errors.js.map
