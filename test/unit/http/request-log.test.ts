import { expect, it } from 'vitest';
import { pino } from 'pino';
import { createRequestLog } from '../../../src/http/request-log.js';

function open() {
  const lines: Record<string, unknown>[] = [];
  const root = pino({ level: 'trace' }, { write: (line) => lines.push(JSON.parse(line) as never) });
  let made = 0;
  const log = createRequestLog(() => {
    made++;
    return root.child({ requestId: 'req_one' });
  });
  return { log, lines, made: () => made };
}

it('is not made while nothing is logged', () => {
  expect(open().made()).toBe(0);
});

it('is made once, and names the request in each line of every level', () => {
  const { log, lines, made } = open();
  for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const) {
    log[level]({ level_: level }, 'said %s', level);
  }
  log.info('a sentence alone');
  log.silent({}, 'nothing');
  log.child({ part: 'inner' }).info('inside');
  expect(made()).toBe(1);
  expect(lines.map((line) => [line['requestId'], line['msg']])).toEqual([
    ['req_one', 'said fatal'],
    ['req_one', 'said error'],
    ['req_one', 'said warn'],
    ['req_one', 'said info'],
    ['req_one', 'said debug'],
    ['req_one', 'said trace'],
    ['req_one', 'a sentence alone'],
    ['req_one', 'inside'],
  ]);
  expect(log.level).toBe('trace');
});
