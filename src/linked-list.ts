/**
 * A list whose members know their neighbours: connections and deadlines, which come and go by the thousand.
 *
 * A `Set` of those would be kept alive by what it has forgotten: V8 links each table that a set has outgrown to the next one,
 * and an old one that has got into the old generation keeps all that was ever added since until a full collection. It
 * made a handshake's objects half as costly again (bench/NOTES.md).
 *
 * @module
 */

/** A member of one list at a time. For the list alone to write. */
export interface Linked<Member> {
  previous: Member | undefined;
  next: Member | undefined;
}

/** Members in the order in which they were added. */
export class LinkedList<Member extends Linked<Member>> implements Iterable<Member> {
  #first: Member | undefined;
  #last: Member | undefined;
  #size = 0;

  /** How many there are. */
  get size(): number {
    return this.#size;
  }

  /** The one that was added before all others. */
  get first(): Member | undefined {
    return this.#first;
  }

  /** The one that was added after all others. */
  get last(): Member | undefined {
    return this.#last;
  }

  /** Adds one, which must be in no list. */
  add(member: Member): void {
    member.previous = this.#last;
    if (this.#last === undefined) this.#first = member;
    else this.#last.next = member;
    this.#last = member;
    this.#size++;
  }

  /** Takes one out; gives false where it is not in. What is taken out leads nowhere: it keeps nothing alive. */
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

  /** Goes through the members. To add or take out members meanwhile, go through a copy: `[...list]`. */
  *[Symbol.iterator](): Generator<Member, void, undefined> {
    for (let member = this.#first; member !== undefined; member = member.next) yield member;
  }
}
