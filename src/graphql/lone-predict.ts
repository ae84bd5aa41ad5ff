/** Recognises documents that do nothing but predict, and take the whole input from a variable. */
import { Kind, parse, type DocumentNode } from 'graphql';

/** What the rest of a request must fit. */
export interface LonePredict {
  /** The variable that holds the whole input. */
  readonly variable: string;
  readonly operationName: string | null;
}

// Long before as many, a document is larger than any that is looked at.
const MAX_TOKENS = 10_000;

/** A document with one operation, which is `mutation ($variable: …) { predict(input: $variable) { … } }`; `null` for all others. */
export function findLonePredict(text: string): LonePredict | null {
  let document: DocumentNode;
  try {
    document = parse(text, { noLocation: true, maxTokens: MAX_TOKENS });
  } catch {
    return null;
  }
  // What is left out or put in by a directive may differ from request to request.
  if (text.includes('@')) return null;
  const operations = document.definitions.filter(({ kind }) => kind !== Kind.FRAGMENT_DEFINITION);
  const [operation] = operations;
  if (operations.length !== 1 || operation?.kind !== Kind.OPERATION_DEFINITION) return null;
  const [field] = operation.selectionSet.selections;
  if (operation.operation !== 'mutation' || operation.selectionSet.selections.length !== 1) return null;
  if (operation.variableDefinitions?.length !== 1) return null;
  if (field?.kind !== Kind.FIELD || field.name.value !== 'predict') return null;
  const [argument] = field.arguments ?? [];
  if (argument?.name.value !== 'input' || argument.value.kind !== Kind.VARIABLE) return null;
  return { variable: argument.value.name.value, operationName: operation.name?.value ?? null };
}
