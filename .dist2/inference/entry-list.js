class EntryList {
  #first = null;
  #last = null;
  get first() {
    return this.#first;
  }
  push(entry, arrival) {
    const node = { entry, arrival, previous: this.#last, next: null };
    if (this.#last === null) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
    return node;
  }
  /** The node must be in this list. */
  remove(node) {
    if (node.previous === null) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === null) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = null;
    node.next = null;
  }
}
export {
  EntryList
};
//# sourceMappingURL=entry-list.js.map
