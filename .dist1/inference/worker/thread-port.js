function threadPort(parentPort) {
  return {
    post: (message, transfer = []) => {
      parentPort.postMessage(message, [...transfer]);
    },
    onMessage: (listener) => {
      parentPort.on("message", listener);
    },
    close: () => {
      parentPort.close();
    }
  };
}
export {
  threadPort
};
//# sourceMappingURL=thread-port.js.map
