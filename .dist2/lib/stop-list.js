function createStopList(log) {
  const entries = [];
  async function stopOne({ name, stop, deadlineMs }) {
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(() => resolve("late"), deadlineMs);
    });
    try {
      const outcome = await Promise.race([stop(), late]);
      if (outcome === "late") log.warn({ part: name, deadlineMs }, "A part did not stop in time and is left");
    } catch (error) {
      log.error({ part: name, err: error }, "A part failed to stop");
    } finally {
      clearTimeout(timer);
    }
  }
  return Object.freeze({
    add(name, deadlineMs, stop) {
      entries.push({ name, deadlineMs, stop });
    },
    async stopAll() {
      for (let entry = entries.pop(); entry !== void 0; entry = entries.pop()) await stopOne(entry);
    }
  });
}
export {
  createStopList
};
//# sourceMappingURL=stop-list.js.map
