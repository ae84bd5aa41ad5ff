// Loaded before a server (`NODE_OPTIONS=--import=…`): its machine's clock is ahead by SOUK_TEST_CLOCK_AHEAD_MS.
const { Date: RealDate, process } = globalThis;
const aheadMs = Number(process.env['SOUK_TEST_CLOCK_AHEAD_MS'] ?? 0);

globalThis.Date = class Date extends RealDate {
  constructor(...values) {
    if (values.length === 0) super(RealDate.now() + aheadMs);
    else super(...values);
  }

  static now() {
    return RealDate.now() + aheadMs;
  }
};
