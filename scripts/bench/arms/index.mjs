// All arms, in the order of the table. An arm is one file and one line here:
//   name      what `--only` calls it
//   keys      what it measures: {[key]: {atLeast | atMost: bar, over?: 'worst'}}; rounds are joined by their median
//   isOnce    true: it runs in the first round only
//   prepare   (world, rounds) => state, before the first round: servers, models, expected answers. `facts` in it are
//             reported; `{unavailable: reason}` leaves the arm out
//   round     (world, state, round) => {values: {[key]: number | null}, raw}; round counts from 0
import { added } from './added.mjs';
import { cnn } from './cnn.mjs';
import { crash } from './crash.mjs';
import { fair } from './fair.mjs';
import { image } from './image.mjs';
import { large } from './large.mjs';
import { load } from './load.mjs';
import { lowering } from './lowering.mjs';
import { memory } from './memory.mjs';
import { metering } from './metering.mjs';
import { tiny } from './tiny.mjs';
import { usage } from './usage.mjs';

export const arms = [tiny, cnn, large, image, fair, added, load, lowering, metering, usage, crash, memory];
