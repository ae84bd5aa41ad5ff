/** A doubly linked list: first in, first out, and removal from the middle in constant time. */
export interface ListNode<T> {
  readonly entry: T;
  /** Order of arrival, over all lists of a queue. */
  readonly arrival: number;
  previous: ListNode<T> | null;
  next: ListNode<T> | null;
}

export class EntryList<T> {
  #first: ListNode<T> | null = null;
  #last: ListNode<T> | null = null;

  get first(): ListNode<T> | null {
    return this.#first;
  }

  *entries(): IterableIterator<T> {
    for (let node = this.#first; node !== null; node = node.next) yield node.entry;
  }

  push(entry: T, arrival: number): ListNode<T> {
    const node: ListNode<T> = { entry, arrival, previous: this.#last, next: null };
    if (this.#last === null) this.#first = node;
    else this.#last.next = node;
    this.#last = node;
    return node;
  }

  /** The node must be in this list. */
  remove(node: ListNode<T>): void {
    if (node.previous === null) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === null) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = null;
    node.next = null;
  }
}
