/** The API with everything selected: each answer is noted, and an error of the request fails the test. */
import {
  getNamedType,
  isEnumType,
  isInputObjectType,
  isObjectType,
  type GraphQLInputType,
  type GraphQLSchema,
} from 'graphql';
import { put } from '../../support/api.js';
import { everything, type Sightings } from './selection.js';

// A payload is every type of the schema; the tests read a few of its fields.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Payload = any;

export interface SeenError {
  readonly __typename: string;
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[] | null;
  readonly [field: string]: unknown;
}

export interface Client {
  /** Mutations that succeeded, and the request in which each did. */
  readonly performed: readonly { readonly field: string; readonly requestId: string }[];
  /** `Enum.VALUE` in inputs. */
  readonly sent: ReadonlySet<string>;
  answer(field: string, credential: string | null, input: object, headers?: object): Promise<Payload>;
  /** The payload of a mutation that must succeed. */
  done(field: string, credential: string | null, input: object, headers?: object): Promise<Payload>;
  /** The errors of a mutation that must be refused, with nothing beside them but a publication. */
  refused(
    field: string,
    credential: string | null,
    input: object,
    headers?: object,
  ): Promise<readonly SeenError[]>;
  /** A field of Query with everything in it. @param args as written in a document */
  query(field: string, credential: string, args?: string): Promise<Payload>;
  node(type: string, credential: string, id: string | undefined): Promise<Payload>;
  ask(credential: string | null, document: string, variables?: object, headers?: object): Promise<Payload>;
  auditLog(
    credential: string,
    tenant: string,
  ): Promise<readonly { readonly action: string; readonly requestId: string }[]>;
  valuesOf(enumName: string): string[];
  /** The id of the upload. */
  upload(credential: string, bytes: Uint8Array): Promise<string>;
  /** A model of its own with one version. */
  publish(credential: string, bytes: Uint8Array): Promise<{ modelId: string; versionId: string }>;
}

export function createClient(url: string, schema: GraphQLSchema, sightings: Sightings): Client {
  const performed: { field: string; requestId: string }[] = [];
  const sent = new Set<string>();

  async function post(credential: string | null, query: string, variables: object, headers: object) {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(credential === null ? {} : { authorization: `Bearer ${credential}` }),
        ...headers,
      },
      body: JSON.stringify({ query, variables }),
    });
    const body = (await response.json()) as { data?: Record<string, Payload>; errors?: unknown };
    if (body.errors !== undefined) throw new Error(`${query.slice(0, 200)}: ${JSON.stringify(body.errors)}`);
    return { data: body.data ?? {}, requestId: response.headers.get('x-request-id') ?? '' };
  }

  function noteInput(value: unknown, type: GraphQLInputType): void {
    const named = getNamedType(type);
    for (const one of [value].flat()) {
      if (isEnumType(named)) sent.add(`${named.name}.${String(one)}`);
      if (!isInputObjectType(named) || typeof one !== 'object' || one === null) continue;
      for (const [key, inner] of Object.entries(one)) {
        const field = named.getFields()[key];
        if (field !== undefined) noteInput(inner, field.type);
      }
    }
  }

  function selectionOf(root: 'Query' | 'Mutation', field: string): string {
    const type = schema.getType(root);
    const definition = isObjectType(type) ? type.getFields()[field] : undefined;
    const result = definition === undefined ? undefined : getNamedType(definition.type);
    if (!isObjectType(result)) throw new Error(`${root}.${field} answers no object.`);
    return everything(schema, result);
  }

  async function send(field: string, credential: string | null, input: object, headers: object) {
    const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input`;
    const inputType = schema.getType(type);
    if (isInputObjectType(inputType)) noteInput(input, inputType);
    const document = `mutation ($input: ${type}!) { __typename ${field}(input: $input) ${selectionOf('Mutation', field)} }`;
    const { data, requestId } = await post(credential, document, { input }, headers);
    sightings.note(data);
    return { payload: data[field], requestId };
  }

  async function query(field: string, credential: string, args = ''): Promise<Payload> {
    const { data } = await post(
      credential,
      `{ __typename ${field}${args} ${selectionOf('Query', field)} }`,
      {},
      {},
    );
    sightings.note(data);
    return data[field];
  }

  async function done(field: string, credential: string | null, input: object, headers: object = {}) {
    const { payload, requestId } = await send(field, credential, input, headers);
    if (payload.errors.length > 0) throw new Error(`${field}: ${JSON.stringify(payload.errors)}`);
    performed.push({ field, requestId });
    return payload;
  }

  async function upload(credential: string, bytes: Uint8Array): Promise<string> {
    const { id, status, code } = await put(url, credential, bytes);
    if (status !== 201) throw new Error(`Upload: ${status} ${code}`);
    return id;
  }

  return Object.freeze({
    performed,
    sent,
    async answer(field: string, credential: string | null, input: object, headers: object = {}) {
      return (await send(field, credential, input, headers)).payload;
    },
    done,
    upload,
    async publish(credential: string, bytes: Uint8Array) {
      const name = `m${Math.random().toString(36).slice(2, 10)}`;
      const { model } = await done('createModel', credential, { name });
      const uploadId = await upload(credential, bytes);
      const { version } = await done('publishVersion', credential, { modelId: model.id, uploadId });
      return { modelId: model.id, versionId: version.id };
    },
    async refused(field: string, credential: string | null, input: object, headers: object = {}) {
      const { errors, __typename, publication, ...results } = (await send(field, credential, input, headers))
        .payload;
      if (errors.length === 0) throw new Error(`${field} was not refused.`);
      for (const [name, value] of Object.entries(results)) {
        if (value !== null) throw new Error(`${field} was refused, and answers ${name} all the same.`);
      }
      return errors;
    },
    query,
    async node(type: string, credential: string, id: string | undefined) {
      const objectType = schema.getType(type);
      if (!isObjectType(objectType)) throw new Error(`${type} is no object type.`);
      const document = `query ($id: ID!) { __typename node(id: $id) { ... on ${type} ${everything(schema, objectType)} } }`;
      const { data } = await post(credential, document, { id }, {});
      sightings.note(data);
      return data['node'];
    },
    async ask(credential: string | null, document: string, variables: object = {}, headers: object = {}) {
      const { data } = await post(credential, document, variables, headers);
      return data;
    },
    async auditLog(credential: string, tenant: string) {
      const events: { action: string; requestId: string }[] = [];
      let after: string | null = null;
      do {
        const { data } = await post(
          credential,
          'query ($after: String) { auditLog(first: 100, after: $after) { nodes { action requestId } pageInfo { hasNextPage endCursor } } }',
          { after },
          { 'souk-tenant': tenant },
        );
        const page: Payload = data['auditLog'];
        events.push(...page.nodes);
        after = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
      } while (after !== null);
      return events;
    },
    valuesOf(enumName: string) {
      const type = schema.getType(enumName);
      if (!isEnumType(type)) throw new Error(`${enumName} is no enum.`);
      const names = type.getValues().map(({ name }) => name);
      for (const name of names) sent.add(`${enumName}.${name}`);
      return names;
    },
  });
}
