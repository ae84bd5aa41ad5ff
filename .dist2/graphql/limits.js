import { GraphQLError, Lexer, Source, TokenKind } from "graphql";
const DOCUMENT_LIMITS = {
  maxBytes: 1024 * 1024,
  /** Everything, including the numbers of an inline list of tensor data. */
  maxTokens: 2e4,
  /** Outside of parentheses: fields, aliases, fragments. Validation compares fields pairwise, so this is small. */
  maxSelectionTokens: 2e3,
  maxSelectionDepth: 15,
  /** Of all brackets together: bounds the recursion of parser and coercion. */
  maxNesting: 64,
  maxAliases: 30,
  maxDirectives: 10,
  maxFragmentSpreads: 100
};
const MAX_VARIABLES_DEPTH = 64;
function limitError(message) {
  return new GraphQLError(message, {
    extensions: { code: "BAD_USER_INPUT", reason: "LIMIT_EXCEEDED", http: { status: 400 } }
  });
}
function checkDocumentText(text) {
  const { maxBytes, maxTokens, maxNesting } = DOCUMENT_LIMITS;
  if (text.length > maxBytes || Buffer.byteLength(text) > maxBytes) {
    throw limitError(`The document is larger than ${maxBytes} bytes; pass large values as variables.`);
  }
  const lexer = new Lexer(new Source(text));
  const counts = { tokens: 0, selectionTokens: 0, aliases: 0, directives: 0, spreads: 0 };
  let nesting = 0;
  let selectionDepth = 0;
  let parentheses = 0;
  for (; ; ) {
    let kind;
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
function checkCounts(counts, selectionDepth) {
  const limits = DOCUMENT_LIMITS;
  if (counts.selectionTokens > limits.maxSelectionTokens) {
    throw limitError(
      `The document selects too much: more than ${limits.maxSelectionTokens} tokens outside of arguments.`
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
const MAX_VARIABLES_FIELDS = 1e4;
function checkVariablesDepth(variables) {
  let level = isObject(variables) ? [variables] : [];
  let fields = 0;
  for (let depth = 1; level.length > 0; depth++) {
    if (depth > MAX_VARIABLES_DEPTH) {
      throw limitError(`The variables nest deeper than ${MAX_VARIABLES_DEPTH} levels.`);
    }
    const next = [];
    for (const value of level) {
      const children = Array.isArray(value) ? value : Object.values(value);
      if (!Array.isArray(value)) fields += children.length;
      if (fields > MAX_VARIABLES_FIELDS) {
        throw limitError(`The variables hold more than ${MAX_VARIABLES_FIELDS} fields in their objects.`);
      }
      for (const child of children) if (isObject(child)) next.push(child);
    }
    level = next;
  }
}
function isObject(value) {
  return typeof value === "object" && value !== null;
}
export {
  DOCUMENT_LIMITS,
  MAX_VARIABLES_DEPTH,
  MAX_VARIABLES_FIELDS,
  checkDocumentText,
  checkVariablesDepth,
  limitError
};
//# sourceMappingURL=limits.js.map
