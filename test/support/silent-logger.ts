import { pino } from 'pino';
import type { Logger } from '../../src/lib/logger.js';

/** A real logger that writes nothing. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
