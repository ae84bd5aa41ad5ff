import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createStopList } from '../../../src/lib/stop-list.js';

function listWithLog() {
  const lines: string[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(line) });
  return { stops: createStopList(log), lines };
}

describe('the stop list', () => {
  it('stops in reverse order, each after the one before it has ended', async () => {
    const { stops } = listWithLog();
    const events: string[] = [];
    for (const name of ['database', 'pool', 'http']) {
      stops.add(name, 1_000, async () => {
        events.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        events.push(`${name} ends`);
      });
    }
    await stops.stopAll();
    const expected = ['http', 'pool', 'database'].flatMap((name) => [`${name} begins`, `${name} ends`]);
    expect(events).toEqual(expected);
  });

  it('goes on past a part that fails and a part that never ends, and says so', async () => {
    const { stops, lines } = listWithLog();
    let isDatabaseStopped = false;
    stops.add('database', 1_000, async () => {
      isDatabaseStopped = true;
    });
    stops.add('stuck', 20, () => new Promise(() => undefined));
    stops.add('broken', 1_000, () => Promise.reject(new Error('boom')));
    await stops.stopAll();
    expect(isDatabaseStopped).toBe(true);
    expect(lines.join('')).toMatch(/broken[\s\S]*stuck/);
  });

  it('stops nothing twice', async () => {
    const { stops } = listWithLog();
    let count = 0;
    stops.add('part', 1_000, async () => void count++);
    await Promise.all([stops.stopAll(), stops.stopAll()]);
    await stops.stopAll();
    expect(count).toBe(1);
  });
});
