import * as $Enums from "./enums.js";
//# sourceMappingURL=commonInputTypes.js.map
