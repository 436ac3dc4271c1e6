import type {
  Extension,
  ExtensionSession,
  RecvExtension,
  SendExtension,
  Transform,
} from "../../src/extension/extension.ts";
import type { BoundedBuffer } from "../../src/extension/bounded-buffer.ts";
import type { Header } from "../../src/frame/header.ts";
import { OpContinuation } from "../../src/frame/opcode.ts";
import { newOption, type Option } from "../../src/http/option.ts";

/** How a {@link ShiftExtension} behaves. */
export interface ShiftOptions {
  readonly name?: string;
  /** 4, 2 or 1. */
  readonly rsv?: number;
  /** What is added to each byte that is sent, and taken from each that is received. */
  readonly by?: number;
  /** Bytes that one call takes; the rest waits for {@link ShiftExtension.next}. */
  readonly slice?: number;
  /** Whether the rest goes on by itself, in a microtask. */
  readonly isAuto?: boolean;
}

/**
 * An extension that somebody else might write: it adds a number to each byte of a message, and marks it with a reserved
 * bit.
 *
 * It works in slices where it is told to, and then goes on when the test says so.
 */
export class ShiftExtension implements Extension {
  readonly name: string;
  readonly rsv: number;
  readonly offers: readonly Option[];
  readonly by: number;
  readonly slice: number;
  readonly isAuto: boolean;
  /** Sessions that were opened and closed. */
  opened = 0;
  closed = 0;
  /** Tasks that wait for the next turn. */
  readonly waiting: (() => void)[] = [];
  /** What the next call throws. */
  error: unknown;

  constructor({
    name = "x-shift",
    rsv = 2,
    by = 1,
    slice = Infinity,
    isAuto = false,
  }: ShiftOptions = {}) {
    this.name = name;
    this.rsv = rsv;
    this.by = by;
    this.slice = slice;
    this.isAuto = isAuto;
    this.offers = [newOption(name, { by: String(by) })];
  }

  accept(offer: Option): Option | undefined {
    const isOurs = offer.parameters[0]?.[1] === String(this.by);
    return isOurs ? offer : undefined;
  }

  open(agreed: Option): ExtensionSession | undefined {
    if (this.accept(agreed) === undefined) return undefined;
    this.opened++;
    return {
      recv: new Shift(this, -this.by),
      send: new Shift(this, this.by),
      close: () => {
        this.closed++;
      },
    };
  }

  /** Lets what waits go on by one slice. */
  next(): void {
    for (const task of this.waiting.splice(0)) task();
  }
}

class Shift implements RecvExtension, SendExtension, Transform {
  readonly #owner: ShiftExtension;
  readonly #by: number;
  #isMarked = false;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(owner: ShiftExtension, by: number) {
    this.#owner = owner;
    this.#by = by;
  }

  unsetBits(header: Header): void {
    if (header.opcode < 8 && header.opcode !== OpContinuation) {
      this.#isMarked = (header.rsv & this.#owner.rsv) !== 0;
      header.rsv &= ~this.#owner.rsv;
    }
  }

  setBits(header: Header): void {
    if (this.#isMarked && header.opcode < 8 && header.opcode !== OpContinuation) {
      header.rsv |= this.#owner.rsv;
    }
  }

  /** Of what is sent, every message whose sender does not mind. */
  beginMessage(message?: { readonly compress: boolean }): Transform | undefined {
    if (message !== undefined) this.#isMarked = message.compress;
    return this.#isMarked ? this : undefined;
  }

  write(bytes: Uint8Array, start: number, end: number, _: boolean, into: BoundedBuffer): boolean {
    this.#rest = bytes.slice(start, end);
    return this.goOn(into);
  }

  goOn(into: BoundedBuffer): boolean {
    if (this.#owner.error !== undefined) throw this.#owner.error;
    const slice = this.#rest.subarray(0, this.#owner.slice).map((byte) => byte + this.#by);
    into.add(slice, 0, slice.length);
    this.#rest = this.#rest.subarray(slice.length);
    return this.#rest.length === 0;
  }

  whenReady(task: () => void): void {
    if (this.#owner.isAuto) queueMicrotask(task);
    else this.#owner.waiting.push(task);
  }
}

/** Opens sessions of extensions as one side of a connection would. */
export function openSessions(...extensions: readonly ShiftExtension[]): ExtensionSession[] {
  return extensions.map((extension) => extension.open(extension.offers[0]!)!);
}

/** Adds `by` to each byte. */
export function shifted(bytes: Uint8Array, by: number): Uint8Array {
  return bytes.map((byte) => byte + by);
}
