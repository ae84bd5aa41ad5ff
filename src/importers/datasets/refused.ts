import { printable } from '../refused.js';
import type { DatasetOptionName } from './types.js';

/** What was asked of the reading does not fit the file. Unwinds like `Refused`, and becomes a value at the same place. */
export class OptionRefused extends Error {
  readonly option: DatasetOptionName;

  constructor(option: DatasetOptionName, message: string) {
    super(printable(message, 1000));
    this.option = option;
  }
}

export function refuseOption(option: DatasetOptionName, message: string): never {
  throw new OptionRefused(option, message);
}

/** A few names for a message. */
export function listed(names: readonly string[], most = 8): string {
  const shown = names.slice(0, most).map((name) => `"${name}"`);
  return names.length > most ? `${shown.join(', ')} and ${names.length - most} more` : shown.join(', ');
}
