/** `GET /exports/usage?format=csv|jsonl&from=…&to=…`: the tenant's usage events, streamed. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Readable } from 'node:stream';
import type { ExportedEvent, LedgerService } from '../domain/metering/index.js';
import { invalidInput } from '../lib/invalid-input.js';
import { ok, refuse, type Refusal, type Result } from '../lib/result.js';
import { authenticateInTenant, sendRefusal, type Authenticate } from './refusal-reply.js';

export interface ExportRouteDeps {
  readonly authenticate: Authenticate;
  readonly ledger: Pick<LedgerService, 'exportUsage'>;
}

interface Format {
  readonly type: string;
  readonly header: string;
  readonly line: (event: ExportedEvent) => string;
}

/** In the order of the columns; the words of the API. */
const COLUMNS: readonly (keyof ExportedEvent)[] = [
  ...(['id', 'kind', 'correctsId', 'reason', 'createdAt', 'requestId', 'userId', 'apiKeyId'] as const),
  ...([
    'ownerTenantId',
    'modelId',
    'model',
    'versionId',
    'versionNumber',
    'sha256',
    'alias',
    'runtime',
  ] as const),
  ...(['predictions', 'rows', 'bytes', 'computeUs', 'costMicros', 'currency', 'subscriptionId'] as const),
  ...(['queueMs', 'batchMs', 'loadMs', 'computeMs', 'batchSize', 'batchRows'] as const),
];

// RFC 4180. Texts are given as they are, also one that a spreadsheet takes for a formula (a reason may begin with `=`):
// this is a record, and a program that reads it back must find what was charged. README.md says so.
const FORMATS: Readonly<Record<string, Format>> = {
  csv: {
    type: 'text/csv; charset=utf-8; header=present',
    header: `${COLUMNS.join(',')}\r\n`,
    line: (event) => `${COLUMNS.map((column) => csvField(event[column])).join(',')}\r\n`,
  },
  jsonl: {
    type: 'application/jsonl; charset=utf-8',
    header: '',
    line: (event) => `${JSON.stringify(event, COLUMNS as string[])}\n`,
  },
};

export function registerExportRoute(app: FastifyInstance, deps: ExportRouteDeps): void {
  app.route({
    method: 'GET',
    url: '/exports/usage',
    handler: async (request, reply) => {
      const actor = await authenticateInTenant(deps.authenticate, request);
      if (!actor.ok) return sendRefusal(request, reply, actor.error);
      const question = readQuestion(request.query as Readonly<Record<string, unknown>>);
      if (!question.ok) return sendRefusal(request, reply, question.error);
      const { format, name, range } = question.value;
      const exported = await deps.ledger.exportUsage(actor.value, { range });
      if (!exported.ok) {
        const { error } = exported;
        if (error.code === 'RATE_LIMITED')
          void reply.header('retry-after', Math.ceil(error.retryAfterMs / 1000));
        return sendRefusal(request, reply, error);
      }
      const { from, to } = exported.value.range;
      void reply.headers({
        'content-type': format.type,
        'content-disposition': `attachment; filename="usage-${dayOf(from)}-${dayOf(to)}.${name}"`,
        'cache-control': 'private, no-store',
        vary: 'authorization, souk-tenant',
      });
      return send(request, reply, exported.value.pages, format);
    },
  });
}

/** A page is asked for when the one before has left; a caller who goes away ends the reading with it. */
function send(
  request: FastifyRequest,
  reply: FastifyReply,
  pages: AsyncIterable<readonly ExportedEvent[]>,
  format: Format,
): FastifyReply {
  async function* lines(): AsyncGenerator<string, void, void> {
    if (format.header !== '') yield format.header;
    for await (const page of pages) yield page.map(format.line).join('');
  }
  // One page ahead: what is here at once is two pages, whatever the range.
  const stream = Readable.from(lines(), { objectMode: true, highWaterMark: 1 });
  stream.once('error', (error) => request.log.error({ err: error }, 'an export of usage broke off'));
  return reply.send(stream);
}

function readQuestion(
  query: Readonly<Record<string, unknown>>,
): Result<{ format: Format; name: string; range: { from: Date; to: Date } | null }, Refusal> {
  const name = query['format'] ?? 'csv';
  const format = typeof name === 'string' && Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
  if (format === undefined) return invalid('format', 'format is csv or jsonl.');
  const { from, to } = query;
  if (from === undefined && to === undefined) return ok({ format, name: String(name), range: null });
  const range = { from: instantOf(from), to: instantOf(to) };
  for (const side of ['from', 'to'] as const) {
    if (range[side] === null) {
      return invalid(side, `${side} is a date (2026-11-01) or an instant in UTC (2026-11-01T00:00:00Z).`);
    }
  }
  return ok({ format, name: String(name), range: range as { from: Date; to: Date } });
}

const INSTANT = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

function instantOf(text: unknown): Date | null {
  if (typeof text !== 'string' || !INSTANT.test(text)) return null;
  const instant = new Date(text);
  return Number.isNaN(instant.getTime()) ? null : instant;
}

function invalid(field: string, message: string): { readonly ok: false; readonly error: Refusal } {
  return refuse(invalidInput([field], message));
}

function csvField(value: string | number | Date | null): string {
  if (value === null) return '';
  const text = value instanceof Date ? value.toISOString() : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function dayOf(instant: Date): string {
  return instant.toISOString().slice(0, 10);
}
