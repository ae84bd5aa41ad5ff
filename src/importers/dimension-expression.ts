/**
 * Dimensions as exporters name them: `batch`, `sequence_length`, `past_sequence_length + 1`, `2*s0`, `s77//2`. What
 * is no such expression is one name of its own, whatever is in it.
 */
export interface DimensionExpression {
  /** What a size must be known of, each once. */
  readonly names: readonly string[];
  /** A whole number, or `null` where a name has no size or the result is below 1. */
  evaluate(sizes: ReadonlyMap<string, number>): number | null;
}

type Node = (sizes: ReadonlyMap<string, number>) => number;

const TOKEN = /\s*(\d+|[A-Za-z_][\w.:]*(?:-[\w.:]+)*|\/\/|[-+*/()])/y;
const MAX_TOKENS = 64;

export function parseDimension(text: string): DimensionExpression {
  const names = new Set<string>();
  const tokens = tokensOf(text);
  let at = 0;

  const primary = (): Node | null => {
    const token = tokens?.[at++];
    if (token === undefined) return null;
    if (token === '(') {
      const inner = sum();
      return tokens?.[at++] === ')' ? inner : null;
    }
    if (/^\d/.test(token)) return () => Number(token);
    if (!/^[A-Za-z_]/.test(token)) return null;
    names.add(token);
    return (sizes) => sizes.get(token) ?? NaN;
  };

  const chain = (operators: readonly string[], operand: () => Node | null): Node | null => {
    let left = operand();
    while (left !== null && operators.includes(tokens?.[at] ?? '')) {
      const operator = tokens?.[at++] ?? '';
      const right = operand();
      if (right === null) return null;
      const [a, b] = [left, right];
      left = (sizes) => apply(operator, a(sizes), b(sizes));
    }
    return left;
  };

  const product = (): Node | null => chain(['*', '/', '//'], primary);
  const sum = (): Node | null => chain(['+', '-'], product);

  const parsed = tokens === null ? null : sum();
  if (parsed === null || at !== tokens?.length || names.size === 0) {
    return single(text);
  }
  return {
    names: [...names],
    evaluate: (sizes) => positive(parsed(sizes)),
  };
}

/** A dimension that is one name. */
function single(name: string): DimensionExpression {
  return { names: [name], evaluate: (sizes) => positive(sizes.get(name) ?? NaN) };
}

function positive(size: number): number | null {
  return Number.isSafeInteger(size) && size >= 1 ? size : null;
}

function apply(operator: string, a: number, b: number): number {
  if (operator === '+') return a + b;
  if (operator === '-') return a - b;
  return operator === '*' ? a * b : Math.floor(a / b);
}

/** `null` when the text is made of other things. */
function tokensOf(text: string): readonly string[] | null {
  const tokens: string[] = [];
  const token = new RegExp(TOKEN);
  const trimmed = text.trimEnd();
  while (token.lastIndex < trimmed.length) {
    const found = token.exec(trimmed);
    if (found?.[1] === undefined || tokens.length >= MAX_TOKENS) return null;
    tokens.push(found[1]);
  }
  return tokens;
}
