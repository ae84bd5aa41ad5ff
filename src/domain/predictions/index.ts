export { checkInputs } from './check-inputs.js';
export type { CheckedInputs } from './check-inputs.js';
export type { PredictRefusal, PredictRefusals } from './errors.js';
export type { PredictionFilter } from './ledger-rows.js';
export { DEFAULT_INPUT_LIMITS } from './limits.js';
export type { InputLimits } from './limits.js';
export type { PredictCommand, Prediction, PredictTarget, Receipt, RunnableVersion } from './prediction.js';
export { createPredictionsService } from './service.js';
export type { PredictObservation, PredictionsDeps, PredictionsInput, PredictionsService } from './service.js';
