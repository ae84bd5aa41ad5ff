/** A file that means harm, what it tries, and what must become of it. */
import type { ImportRefusalCode } from '../../../src/importers/index.js';

/** What hostile files reach for. Each campaign puts its own there and watches it. */
export interface Bait {
  /** A file with a secret in it, absolute. */
  readonly path: string;
  /** A named pipe: whoever opens it for reading is noticed at once. */
  readonly pipe: string;
  /** Of a listener on this machine; no connection may arrive. */
  readonly url: string;
}

export const FORMATS = [
  'ARCHIVE',
  'KERAS_H5',
  'KERAS_V3',
  'TFJS_LAYERS',
  'TFJS_GRAPH',
  'SAVED_MODEL',
  'ONNX',
  'FOREIGN',
] as const;
export type HostileFormat = (typeof FORMATS)[number];

export type Outcome =
  | {
      readonly kind: 'refused';
      /** Any of these. More than one where two walls stand behind each other and either may be hit first. */
      readonly codes: readonly ImportRefusalCode[];
      /** Must appear in the subject, or in the message where there is no subject. */
      readonly names: string;
      /** Refused by the readers, before any engine sees it; otherwise by the trial, or by a limit of the child. */
      readonly by: 'reader' | 'trial';
    }
  | {
      readonly kind: 'contained';
      /** Why it may be accepted: what it tries has no effect. */
      readonly because: string;
    };

export interface HostileFile {
  /** `format/attack`, unique. */
  readonly name: string;
  readonly format: HostileFormat;
  readonly make: (bait: Bait) => Uint8Array | Promise<Uint8Array>;
  readonly outcome: Outcome;
}

type Make = HostileFile['make'];
type Codes = ImportRefusalCode | readonly ImportRefusalCode[];

const listOf = (codes: Codes): readonly ImportRefusalCode[] => (typeof codes === 'string' ? [codes] : codes);

/** Files of one format: `refused` and `contained` rows become entries of the corpus. */
export function filesOf(format: HostileFormat, folder: string) {
  const file = (attack: string, make: Make, outcome: Outcome): HostileFile => ({
    name: `${folder}/${attack}`,
    format,
    make,
    outcome,
  });
  return {
    /** Refused before any engine sees it. */
    refused: (attack: string, codes: Codes, names: string, make: Make) =>
      file(attack, make, { kind: 'refused', codes: listOf(codes), names, by: 'reader' }),
    /** Only a run shows what it does; that run is in the child. */
    stopped: (attack: string, codes: Codes, names: string, make: Make) =>
      file(attack, make, { kind: 'refused', codes: listOf(codes), names, by: 'trial' }),
    contained: (attack: string, because: string, make: Make) =>
      file(attack, make, { kind: 'contained', because }),
  };
}

/** A path that climbs to the root of the file system before it goes down again. */
export const climbing = (path: string): string => `${'../'.repeat(24)}${path.replace(/^\//, '')}`;
