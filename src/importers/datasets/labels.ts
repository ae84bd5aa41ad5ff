/** Labels as they were found: numbers or texts, and the classes that they make. Pure. */
import { refuseImport } from '../refused.js';
import type { Findings } from './findings.js';
import { DATASET_LIMITS } from './limits.js';
import type { ClassCount, LabelKind } from './types.js';

export interface Labels {
  readonly kind: LabelKind;
  /** One a row. */
  readonly values: Float64Array | readonly string[];
  readonly classes: readonly ClassCount[] | null;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
/** `007` is a name: as a number it would lose what it is. */
const PADDED = /^[+-]?0\d/;

/** The number that a text says, NaN for the usual words of "missing", `null` for anything else. */
export function numberOf(text: string): number | null {
  const trimmed = text.trim();
  if (NUMBER.test(trimmed)) return Number(trimmed);
  if (/^[+-]?inf(inity)?$/i.test(trimmed)) return trimmed.startsWith('-') ? -Infinity : Infinity;
  return trimmed === '' || /^(nan|na|n\/a|null)$/i.test(trimmed) ? NaN : null;
}

/** Whether the text is a number and nothing is lost when it is read as one. */
export function isNumberLabel(text: string): boolean {
  return NUMBER.test(text) && !PADDED.test(text) && Number.isFinite(Number(text));
}

/** How a number is written as the name of a class. */
export function labelOfNumber(value: number): string {
  return Object.is(value, -0) ? '0' : String(value);
}

export function labelsFromTexts(texts: readonly string[], findings: Findings): Labels {
  texts.forEach((text, row) => {
    if (text === '') {
      refuseImport('CORRUPT_ARTIFACT', `row ${row}`, `Row ${row} (the first is 0) has no label.`);
    }
    if (text.length > DATASET_LIMITS.maxLabelCharacters) {
      refuseImport(
        'LIMIT_EXCEEDED',
        `row ${row}`,
        `The label of row ${row} has ${text.length} characters; at most ${DATASET_LIMITS.maxLabelCharacters} are accepted.`,
      );
    }
  });
  if (texts.every(isNumberLabel)) return labelsFromNumbers(Float64Array.from(texts, Number), findings);
  return { kind: 'TEXT', values: texts, classes: classesOf(texts, compareTexts, findings) };
}

export function labelsFromNumbers(values: Float64Array, findings: Findings): Labels {
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    refuseImport(
      'CORRUPT_ARTIFACT',
      `row ${bad}`,
      `The label of row ${bad} (the first is 0) is ${values[bad]}.`,
    );
  }
  const areWhole = values.every(Number.isSafeInteger);
  const classes = areWhole
    ? classesOf(Array.from(values, labelOfNumber), (a, b) => Number(a) - Number(b), findings)
    : null;
  return { kind: 'NUMBER', values, classes };
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function classesOf(
  texts: readonly string[],
  compare: (a: string, b: string) => number,
  findings: Findings,
): readonly ClassCount[] | null {
  const counts = new Map<string, number>();
  for (const text of texts) {
    counts.set(text, (counts.get(text) ?? 0) + 1);
    if (counts.size > DATASET_LIMITS.maxClasses) {
      findings.add(
        `There are more than ${DATASET_LIMITS.maxClasses} different labels, so they are not taken for classes.`,
      );
      return null;
    }
  }
  return [...counts].sort(([a], [b]) => compare(a, b)).map(([label, count]) => ({ label, count }));
}
