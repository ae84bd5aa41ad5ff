/**
 * What a GraphQL document may ask for. Three checks, from cheap to exact, each before any resolver runs:
 * the text (one pass of the lexer, before a recursive parser sees it), the shape of the variables, and
 * the operation (what it would fetch, with its fragments expanded). All answer 400.
 */
import { GraphQLError, Lexer, Source, TokenKind } from 'graphql';

export const DOCUMENT_LIMITS = {
  maxBytes: 1024 * 1024,
  /** Everything, including the numbers of an inline list of tensor data. */
  maxTokens: 20_000,
  /** Outside of parentheses: fields, aliases, fragments. Validation compares fields pairwise, so this is small. */
  maxSelectionTokens: 2_000,
  maxSelectionDepth: 15,
  /** Of all brackets together: bounds the recursion of parser and coercion. */
  maxNesting: 64,
  maxAliases: 30,
  maxDirectives: 10,
  maxFragmentSpreads: 100,
} as const;

/** Levels of objects and lists in `variables`: a tensor of rank 32 inside its input object fits. */
export const MAX_VARIABLES_DEPTH = 64;

export function limitError(message: string): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code: 'BAD_USER_INPUT', reason: 'LIMIT_EXCEEDED', http: { status: 400 } },
  });
}

/** Throws when the text is larger than any sensible document. Syntax errors are left to the parser. */
export function checkDocumentText(text: string): void {
  const { maxBytes, maxTokens, maxNesting } = DOCUMENT_LIMITS;
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    throw limitError(`The document is larger than ${maxBytes} bytes; pass large values as variables.`);
  }
  const lexer = new Lexer(new Source(text));
  const counts = { tokens: 0, selectionTokens: 0, aliases: 0, directives: 0, spreads: 0 };
  let nesting = 0;
  let selectionDepth = 0;
  let parentheses = 0;
  for (;;) {
    let kind: TokenKind;
    try {
      kind = lexer.advance().kind;
    } catch {
      return;
    }
    if (kind === TokenKind.EOF) return;
    counts.tokens++;
    if (parentheses === 0) counts.selectionTokens++;
    switch (kind) {
      case TokenKind.PAREN_L:
        parentheses++;
        nesting++;
        break;
      case TokenKind.PAREN_R:
        parentheses--;
        nesting--;
        break;
      case TokenKind.BRACE_L:
        nesting++;
        if (parentheses === 0) selectionDepth++;
        break;
      case TokenKind.BRACE_R:
        nesting--;
        if (parentheses === 0) selectionDepth--;
        break;
      case TokenKind.BRACKET_L:
        nesting++;
        break;
      case TokenKind.BRACKET_R:
        nesting--;
        break;
      case TokenKind.COLON:
        // Inside parentheses a colon belongs to an argument; outside, only an alias has one.
        if (parentheses === 0) counts.aliases++;
        break;
      case TokenKind.AT:
        counts.directives++;
        break;
      case TokenKind.SPREAD:
        counts.spreads++;
        break;
      default:
        break;
    }
    if (counts.tokens > maxTokens) {
      throw limitError(`The document has more than ${maxTokens} tokens; pass long lists as variables.`);
    }
    if (nesting > maxNesting) throw limitError(`The document nests brackets deeper than ${maxNesting}.`);
    checkCounts(counts, selectionDepth);
  }
}

function checkCounts(
  counts: { selectionTokens: number; aliases: number; directives: number; spreads: number },
  selectionDepth: number,
): void {
  const limits = DOCUMENT_LIMITS;
  if (counts.selectionTokens > limits.maxSelectionTokens) {
    throw limitError(
      `The document selects too much: more than ${limits.maxSelectionTokens} tokens outside of arguments.`,
    );
  }
  if (selectionDepth > limits.maxSelectionDepth) {
    throw limitError(`The document nests selections deeper than ${limits.maxSelectionDepth}.`);
  }
  if (counts.aliases > limits.maxAliases) {
    throw limitError(`The document has more than ${limits.maxAliases} aliases.`);
  }
  if (counts.directives > limits.maxDirectives) {
    throw limitError(`The document has more than ${limits.maxDirectives} directives.`);
  }
  if (counts.spreads > limits.maxFragmentSpreads) {
    throw limitError(`The document has more than ${limits.maxFragmentSpreads} fragment spreads.`);
  }
}

/** Fields of all objects in `variables` together. Tensors are lists; what is left are input objects, which are small. */
export const MAX_VARIABLES_FIELDS = 10_000;

/**
 * Throws when `variables` nest too deep, or hold so many fields that quoting them in an error is work. What comes later
 * (coercion, checks of tensors) recurses, and must never meet a value that overflows the call stack; this one turns back
 * at the limit.
 */
export function checkVariablesDepth(variables: unknown): void {
  if (isObject(variables)) countFields(variables, 1, 0);
}

/** @returns `fields` and those of all objects in `value`, which is at `depth` */
function countFields(value: object, depth: number, fields: number): number {
  if (depth > MAX_VARIABLES_DEPTH) {
    throw limitError(`The variables nest deeper than ${MAX_VARIABLES_DEPTH} levels.`);
  }
  let count = fields;
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value;
    // Tensors come by here: a list of numbers costs one look at each.
    for (let i = 0; i < list.length; i++) {
      const child = list[i];
      if (isObject(child)) count = countFields(child, depth + 1, count);
    }
    return count;
  }
  const children: readonly unknown[] = Object.values(value);
  count += children.length;
  if (count > MAX_VARIABLES_FIELDS) {
    throw limitError(`The variables hold more than ${MAX_VARIABLES_FIELDS} fields in their objects.`);
  }
  for (const child of children) if (isObject(child)) count = countFields(child, depth + 1, count);
  return count;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
