/**
 * What another version means for all callers of one: those who name a signature, and those who name none and get the
 * first. Pure. Each signature is compared with the one of its name; the first also with the first, whatever its name.
 */
import { quoted } from '../../lib/raw-tensor.js';
import type { NamedSignature } from '../../lib/tensor.js';
import {
  compareSignatures,
  comparisonOf,
  type SignatureComparison,
  type TensorDifference,
} from './signature-comparison.js';

/** A difference of one of the signatures, or a whole signature that is ADDED or REMOVED. */
export interface SignatureDifference extends Omit<TensorDifference, 'side'> {
  /** Its name; the old one, where it is the first and has another name now. */
  readonly signature: string;
  /** `null`: the whole signature. */
  readonly side: TensorDifference['side'] | null;
}

/** The ways to call a version; the first answers when none is named. */
export type CallableVersion = { readonly signatures: readonly NamedSignature[] };

/** Compares what callers of `before` may rely on with what `after` keeps. */
export function compareAllSignatures(
  before: CallableVersion,
  after: CallableVersion,
): SignatureComparison<SignatureDifference> {
  const [first, next] = [before.signatures[0], after.signatures[0]];
  const isOne = before.signatures.length === 1 && after.signatures.length === 1 && first?.name === next?.name;
  const differences: SignatureDifference[] = [];
  if (first !== undefined && next !== undefined && first.name !== next.name) {
    const found = compareSignatures(first.signature, next.signature).differences;
    const where = `For who names no signature (before ${quoted(first.name)}, now ${quoted(next.name)}): `;
    differences.push(...found.map((one) => placed(one, first.name, where)));
  }
  for (const { name, signature } of before.signatures) {
    const same = after.signatures.find((other) => other.name === name);
    if (same === undefined) {
      differences.push(whole('REMOVED', 'BREAKING', name, 'is gone: requests that name it are refused'));
      continue;
    }
    const found = compareSignatures(signature, same.signature).differences;
    differences.push(
      ...found.map((one) => placed(one, name, isOne ? '' : `In the signature ${quoted(name)}: `)),
    );
  }
  for (const { name } of after.signatures) {
    const isNew = before.signatures.every((other) => other.name !== name);
    if (isNew) differences.push(whole('ADDED', 'WIDENING', name, 'is new'));
  }
  return comparisonOf(differences);
}

function placed(difference: TensorDifference, signature: string, where: string): SignatureDifference {
  const { message } = difference;
  const words = where === '' ? message : `${where}${message.charAt(0).toLowerCase()}${message.slice(1)}`;
  return { ...difference, signature, message: words };
}

/** A signature that only one of them has. */
function whole(
  change: 'ADDED' | 'REMOVED',
  verdict: TensorDifference['verdict'],
  name: string,
  says: string,
): SignatureDifference {
  const message = `The signature ${quoted(name)} ${says}.`;
  const nothing = { side: null, name: null, dimension: null, before: null, after: null };
  return { change, verdict, signature: name, message, ...nothing };
}
