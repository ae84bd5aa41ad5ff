import {
  invalidInput,
  invitationNotValid,
  slugTaken
} from "./errors.js";
import { checkEmail, checkName, checkSlug, slugFrom } from "./names.js";
import { createTenantsService } from "./service.js";
export {
  checkEmail,
  checkName,
  checkSlug,
  createTenantsService,
  invalidInput,
  invitationNotValid,
  slugFrom,
  slugTaken
};
//# sourceMappingURL=index.js.map
