import fc from 'fast-check';
import { buildSchema, GraphQLError, parse, type OperationDefinitionNode } from 'graphql';
import { describe, expect, it } from 'vitest';
import { checkDocumentText, checkVariablesDepth, DOCUMENT_LIMITS } from '../../../src/graphql/limits.js';
import {
  checkOperation,
  createOperationCheck,
  OPERATION_LIMITS,
} from '../../../src/graphql/operation-limits.js';
import { readSchemaText } from '../../../src/graphql/server.js';

const schema = buildSchema(readSchemaText());

function checkText(text: string): string | null {
  return messageOf(() => checkDocumentText(text));
}

function checkQuery(text: string, variables: Record<string, unknown> = {}): string | null {
  const document = parse(text);
  const operation = document.definitions.find(
    (definition): definition is OperationDefinitionNode => definition.kind === 'OperationDefinition',
  );
  if (operation === undefined) throw new Error('The text has no operation.');
  return messageOf(() => checkOperation(schema, document, operation, variables));
}

/** The refusal, which is always a 400 with a code; `null` when it passes. */
function messageOf(check: () => void): string | null {
  try {
    check();
    return null;
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    expect(error.extensions).toMatchObject({ code: 'BAD_USER_INPUT', http: { status: 400 } });
    return error.message;
  }
}

const repeat = (count: number, write: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => write(i)).join(' ');
const nested = (depth: number) => `${'{ a '.repeat(depth)}${'}'.repeat(depth)}`;

describe('the text of a document', () => {
  it('passes with 30 aliases and not with 31', () => {
    expect(checkText(`{ ${repeat(30, (i) => `a${i}: __typename`)} }`)).toBeNull();
    expect(checkText(`{ ${repeat(31, (i) => `a${i}: __typename`)} }`)).toMatch(/30 aliases/);
  });

  it('does not take arguments, variables or object fields for aliases', () => {
    const fields = repeat(40, (i) => `f${i}: ${i}`);
    expect(
      checkText(`mutation ($a: Int, $b: [Int!]) { a(input: { ${fields} }, first: $a) { id } }`),
    ).toBeNull();
  });

  it('passes with 10 directives and not with 11', () => {
    expect(checkText(`{ a ${'@include(if: true) '.repeat(10)}}`)).toBeNull();
    expect(checkText(`{ a ${'@a '.repeat(11)}}`)).toMatch(/10 directives/);
  });

  it('passes with 15 levels of selections and not with 16', () => {
    expect(checkText(nested(15))).toBeNull();
    expect(checkText(nested(16))).toMatch(/deeper than 15/);
  });

  it('passes with a list of 10,000 numbers in an argument, and refuses 30,000', () => {
    const withList = (count: number) =>
      `mutation { predict(input: { data: [${repeat(count, String)}] }) { id } }`;
    expect(checkText(withList(10_000))).toBeNull();
    expect(checkText(withList(30_000))).toMatch(/20000 tokens/);
  });

  it('refuses thousands of repeated fields, which validation would compare pair by pair', () => {
    expect(checkText(`{ ${'a '.repeat(3_000)} }`)).toMatch(/selects too much/);
  });

  it('refuses brackets that would exhaust the stack of the parser', () => {
    expect(checkText(`{ a(b: ${'['.repeat(15_000)}`)).toMatch(/nests brackets/);
    expect(checkText(`query ($a: ${'['.repeat(15_000)}Int) { a }`)).toMatch(/nests brackets/);
    expect(checkText(`{ a(b: ${'{c: '.repeat(5_000)}`)).toMatch(/nests brackets/);
  });

  it('refuses more than a mebibyte, counted in bytes', () => {
    const bytes = DOCUMENT_LIMITS.maxBytes;
    expect(checkText(`# ${'a'.repeat(bytes)}`)).toMatch(/larger than/);
    expect(checkText(`# ${'é'.repeat(bytes / 2)}`)).toMatch(/larger than/);
    expect(checkText(`# ${'a'.repeat(bytes - 20)}\n{ a }`)).toBeNull();
  });

  it('leaves syntax errors to the parser, and answers every text with a pass or a refusal', () => {
    expect(checkText('{ a(b: "unterminated')).toBeNull();
    expect(checkText('')).toBeNull();
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom(
            '{',
            '}',
            '(',
            ')',
            '[',
            ']',
            '@',
            ':',
            '...',
            'a ',
            '"',
            '\n',
            '$',
            '#',
            '\u0000',
          ),
        }),
        (text) => {
          messageOf(() => checkDocumentText(text));
        },
      ),
    );
  });

  it('takes a megabyte of garbage in well under a second', () => {
    const startMs = performance.now();
    expect(checkText('@a '.repeat(300_000))).not.toBeNull();
    expect(checkText(`{ ${'a'.repeat(500_000)} }`)).toBeNull();
    expect(performance.now() - startMs).toBeLessThan(1_000);
  });
});

describe('the variables of a request', () => {
  const deep = (depth: number) => JSON.parse(`${'['.repeat(depth)}1${']'.repeat(depth)}`) as unknown;

  it('pass with 64 levels and not with 65', () => {
    expect(messageOf(() => checkVariablesDepth({ a: deep(63) }))).toBeNull();
    expect(messageOf(() => checkVariablesDepth({ a: deep(64) }))).toMatch(/deeper than 64/);
  });

  it('are refused at depth 100,000 without touching the call stack', () => {
    expect(messageOf(() => checkVariablesDepth({ a: deep(100_000) }))).toMatch(/deeper than 64/);
  });

  it('may be absent or of any JSON type', () => {
    for (const value of [undefined, null, 1, 'text', [], {}]) {
      expect(messageOf(() => checkVariablesDepth(value))).toBeNull();
    }
  });

  it('may hold wide tensors', () => {
    const rows = Array.from({ length: 500 }, () => Array.from({ length: 500 }, () => 0.5));
    expect(messageOf(() => checkVariablesDepth({ inputs: [{ data: rows }] }))).toBeNull();
  });
});

describe('an operation', () => {
  const pages = (outer: number | string, inner: number | string) =>
    `query ($n: Int) { models(first: ${outer}) { nodes { versions(first: ${inner}) { nodes { id } } } } }`;

  it('may fetch 10,000 nodes and not one page more', () => {
    expect(checkQuery(pages(100, 100))).toBeNull();
    expect(checkQuery(pages(100, 101))).toMatch(/could fetch 10100/);
  });

  it('is weighed by the product of its page sizes, from literals, variables and defaults alike', () => {
    const limit = OPERATION_LIMITS.maxNodes;
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 400 }), (outer, inner) => {
        const isTooMuch = outer * inner > limit;
        expect(checkQuery(pages(outer, inner)) !== null).toBe(isTooMuch);
        expect(checkQuery(pages(outer, '$n'), { n: inner }) !== null).toBe(isTooMuch);
      }),
    );
    // The default of 20.
    const withDefault = (outer: number) =>
      `{ models(first: ${outer}) { nodes { versions { nodes { id } } } } }`;
    expect(checkQuery(withDefault(500))).toBeNull();
    expect(checkQuery(withDefault(501))).not.toBeNull();
  });

  it('that has passed once is judged again when a variable decides', () => {
    const check = createOperationCheck();
    const judge = (text: string) => {
      const document = parse(text);
      const [operation] = document.definitions as [OperationDefinitionNode];
      return (variables: Record<string, unknown>) =>
        messageOf(() => check(schema, document, operation, variables)) === null;
    };
    const byVariable = judge(pages(100, '$n'));
    expect([10, 1000, 10].map((n) => byVariable({ n }))).toEqual([true, false, true]);
    const always = judge(pages(100, 100));
    expect([always({}), always({ n: 1000 })]).toEqual([true, true]);
    const never = judge(pages(100, 101));
    expect([never({}), never({})]).toEqual([false, false]);
  });

  it('cannot hide a page size behind a fragment, a negative number or a huge one', () => {
    expect(
      checkQuery(
        `{ models(first: 100) { nodes { ...V } } } fragment V on Model { versions(first: 1000) { nodes { id } } }`,
      ),
    ).not.toBeNull();
    expect(checkQuery(pages(100, -1000))).not.toBeNull();
    expect(checkQuery('{ models(first: 1000000000) { nodes { id } } }')).not.toBeNull();
  });

  it('cannot go deeper by fragments than by braces', () => {
    const links = repeat(20, (i) => `fragment F${i} on Model { latestVersion { model { ...F${i + 1} } } }`);
    const text = `{ models { nodes { ...F0 } } } ${links} fragment F20 on Model { id }`;
    expect(checkText(text)).toBeNull();
    expect(checkQuery(text)).toMatch(/deeper than 15/);
  });

  it('with fragments that double each other is judged in milliseconds', () => {
    const doubles = repeat(
      25,
      (i) => `fragment F${i} on Model { ...F${i + 1} latestVersion { model { id } } ...F${i + 1} }`,
    );
    const startMs = performance.now();
    checkQuery(`{ models { nodes { ...F0 } } } ${doubles} fragment F25 on Model { id }`);
    expect(performance.now() - startMs).toBeLessThan(200);
  });

  it('runs at most 10 mutations', () => {
    const revoke = (i: number) => `m${i}: revokeApiKey(input: { apiKeyId: "key_${i}" }) { errors { code } }`;
    expect(checkQuery(`mutation { ${repeat(10, revoke)} }`)).toBeNull();
    expect(checkQuery(`mutation { ${repeat(11, revoke)} }`)).toMatch(/at most 10 mutations/);
  });

  it('holds at most one attempt at a password, however it is written', () => {
    const attempt = (alias: string) =>
      `${alias}: signIn(input: { email: "a@b.c", password: "x" }) { errors { code } }`;
    expect(checkQuery(`mutation { ${attempt('a')} }`)).toBeNull();
    expect(checkQuery(`mutation { ${attempt('a')} ${attempt('b')} }`)).toMatch(/one signIn/);
    expect(
      checkQuery(`mutation { ${attempt('a')} ...F } fragment F on Mutation { ${attempt('b')} }`),
    ).toMatch(/one signIn/);
    expect(checkQuery(`mutation { ... { ${attempt('a')} } ... on Mutation { ${attempt('b')} } }`)).toMatch(
      /one signIn/,
    );
  });

  it('may be the introspection query of common tools', async () => {
    const { getIntrospectionQuery } = await import('graphql');
    const text = getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true, oneOf: true });
    expect(checkText(text)).toBeNull();
    expect(checkQuery(text)).toBeNull();
  });
});
