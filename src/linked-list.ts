/**
 * A list whose members refer to their neighbours. It holds connections and deadlines, which come and go by the thousand.
 *
 * A `Set` would keep deleted members alive: V8 links each table that a set has outgrown to the next one. An old table that has
 * reached the old generation keeps everything that was added later, until a full collection. With a set, a handshake's objects
 * cost half as much again (bench/NOTES.md).
 *
 * @module
 */

/** A member of at most one list. Only the list writes to it. */
export interface Linked<Member> {
  previous: Member | undefined;
  next: Member | undefined;
}

/** Members in the order in which they were added. */
export class LinkedList<Member extends Linked<Member>> implements Iterable<Member> {
  #first: Member | undefined;
  #last: Member | undefined;
  #size = 0;

  /** Number of members. */
  get size(): number {
    return this.#size;
  }

  /** The member that was added first. */
  get first(): Member | undefined {
    return this.#first;
  }

  /** The member that was added last. */
  get last(): Member | undefined {
    return this.#last;
  }

  /** Adds a member, which must be in no list. */
  add(member: Member): void {
    member.previous = this.#last;
    if (this.#last === undefined) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
    this.#size++;
  }

  /** Removes a member; gives false if it is not in the list. A removed member refers to no other, and so keeps nothing alive. */
  delete(member: Member): boolean {
    const { previous, next } = member;
    if (previous === undefined && this.#first !== member) return false;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    member.previous = undefined;
    member.next = undefined;
    this.#size--;
    return true;
  }

  /** Goes through the members. To add or remove members meanwhile, go through a copy: `[...list]`. */
  *[Symbol.iterator](): Generator<Member, void, undefined> {
    for (let member = this.#first; member !== undefined; member = member.next) yield member;
  }
}
