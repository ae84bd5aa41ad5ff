import { createMeteringService } from "./service.js";
import { ReservationSweeper } from "./sweeper.js";
export {
  ReservationSweeper,
  createMeteringService
};
//# sourceMappingURL=index.js.map
