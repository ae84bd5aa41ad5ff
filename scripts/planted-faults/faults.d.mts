import type { Fault } from './plant.mjs';

export const FAULTS: readonly Fault[];
