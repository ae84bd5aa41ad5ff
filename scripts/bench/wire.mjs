// HTTP/1.1 over node:net, as lean as a load generator needs: one keep-alive connection, one request at a time, the
// request's bytes made beforehand. What the generator saves, the server on the same cores gets.
import { connect } from 'node:net';

const HEADER_END = Buffer.from('\r\n\r\n');

/** The bytes of a POST of JSON. */
export function postBytes(url, credential, json) {
  const { host, pathname } = new URL(url);
  const body = Buffer.from(json, 'utf8');
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    'content-type: application/json',
    'accept: application/json',
    ...(credential === null ? [] : [`authorization: Bearer ${credential}`]),
    `content-length: ${body.length}`,
    '\r\n',
  ].join('\r\n');
  return Buffer.concat([Buffer.from(head, 'latin1'), body]);
}

/**
 * Splits one response off the bytes received so far.
 * @returns {{status: number, body: Buffer, rest: Buffer, keepAlive: boolean} | null} null while it is incomplete
 */
export function readResponse(bytes) {
  const headerEnd = bytes.indexOf(HEADER_END);
  if (headerEnd === -1) return null;
  const head = bytes.latin1Slice(0, headerEnd);
  const status = Number(head.slice(9, 12));
  const keepAlive = !/\r\nconnection: *close/i.test(head);
  const start = headerEnd + 4;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) {
    const end = start + Number(length);
    if (bytes.length < end) return null;
    return { status, body: bytes.subarray(start, end), rest: bytes.subarray(end), keepAlive };
  }
  const unchunked = readChunks(bytes, start);
  return unchunked === null ? null : { status, ...unchunked, keepAlive };
}

function readChunks(bytes, start) {
  const parts = [];
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd === -1) return null;
    const size = parseInt(bytes.latin1Slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (!(bytes.length >= end + 2)) return null;
    if (size === 0) return { body: Buffer.concat(parts), rest: bytes.subarray(end + 2) };
    parts.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}

/**
 * A connection that is used for one request after another. It reconnects when the server closed it in between.
 * `send` resolves nothing: `onDone(status, body)` is called, or `onDone(0, reason)` when no answer came.
 */
export function openConnection({ port, host, timeoutMs }) {
  let socket = null;
  let received = [];
  let receivedBytes = 0;
  let onDone = null;

  function finish(status, body) {
    const done = onDone;
    onDone = null;
    received = [];
    receivedBytes = 0;
    done?.(status, body);
  }

  function lost(why) {
    socket?.destroy();
    socket = null;
    if (onDone !== null) finish(0, Buffer.from(why));
  }

  function onData(chunk) {
    received.push(chunk);
    receivedBytes += chunk.length;
    const bytes = received.length === 1 ? chunk : Buffer.concat(received, receivedBytes);
    received = [bytes];
    const response = readResponse(bytes);
    if (response === null) return;
    if (!response.keepAlive) {
      socket.destroy();
      socket = null;
    }
    finish(response.status, response.body);
  }

  function dial() {
    const mine = connect({ port, host, noDelay: true });
    mine.setTimeout(timeoutMs);
    mine.on('data', onData);
    for (const [event, why] of [
      ['error', 'the connection broke'],
      ['close', 'the connection was closed'],
      ['timeout', `no answer within ${timeoutMs} ms`],
    ]) {
      mine.on(event, () => {
        if (socket === mine) lost(why);
      });
    }
    return mine;
  }

  return {
    send(bytes, done) {
      onDone = done;
      socket ??= dial();
      socket.write(bytes);
    },
    close() {
      const old = socket;
      socket = null;
      old?.destroy();
    },
  };
}
