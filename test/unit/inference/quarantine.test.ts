import { describe, expect, it } from 'vitest';
import { createQuarantine } from '../../../src/inference/quarantine.js';

const RULE = { crashes: 3, windowMs: 60_000, quarantineMs: 300_000 };

describe('the quarantine', () => {
  it('sets a model aside after the third crash within the window, with the last reason', () => {
    const quarantine = createQuarantine(RULE);
    quarantine.recordCrash('m', 'first', 0);
    quarantine.recordCrash('m', 'second', 30_000);
    expect(quarantine.find('m', 30_000)).toBeNull();

    quarantine.recordCrash('m', 'third', 59_000);

    expect(quarantine.find('m', 59_000)).toEqual({ crashes: 3, untilMs: 359_000, reason: 'third' });
    expect(quarantine.find('other', 59_000)).toBeNull();
    expect(quarantine.count(59_000)).toBe(1);
  });

  it('forgets crashes that are older than the window', () => {
    const quarantine = createQuarantine(RULE);
    for (const atMs of [0, 1_000, 61_001]) quarantine.recordCrash('m', 'crash', atMs);
    expect(quarantine.find('m', 61_001)).toBeNull();
  });

  it('lets a model out when its time is over, with a clean record', () => {
    const quarantine = createQuarantine(RULE);
    for (const atMs of [0, 1, 2]) quarantine.recordCrash('m', 'crash', atMs);
    expect(quarantine.find('m', 300_001)).not.toBeNull();
    expect(quarantine.find('m', 300_002)).toBeNull();
    quarantine.recordCrash('m', 'crash', 300_003);
    expect(quarantine.find('m', 300_003)).toBeNull();
  });
});
