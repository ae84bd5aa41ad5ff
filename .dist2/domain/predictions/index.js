import { checkInputs } from "./check-inputs.js";
import { DEFAULT_INPUT_LIMITS } from "./limits.js";
import { createPredictionsService } from "./service.js";
export {
  DEFAULT_INPUT_LIMITS,
  checkInputs,
  createPredictionsService
};
//# sourceMappingURL=index.js.map
