import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { NewBytes } from "../../src/connection/settings.ts";
import { type Data, firstDifference } from "./content.ts";
import type { BytesKept, SideSetup } from "./setup.ts";

/*
 * What one side is given as bytes: whose they are, and whether they stay what they were.
 */

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Keeping {
  /** The options that say how bytes are given. */
  readonly options: Pick<ConnectionOptions, "borrow" | "newBytes">;
  readonly #kind: BytesKept;
  readonly #textAs: SideSetup["textAs"];
  readonly #found: (what: string) => void;
  /** What `newBytes` has made, and nobody has got yet. */
  readonly #made = new Set<Uint8Array>();
  /** Bytes of texts that are the receiver's own, with what they were. */
  readonly #texts: (readonly [bytes: Uint8Array, text: string])[] = [];

  constructor({ bytes, textAs, takes }: SideSetup, found: (what: string) => void) {
    this.#kind = bytes;
    this.#textAs = textAs;
    this.#found = found;
    const newBytes: NewBytes = (source, start, end, isOwned) => {
      if (takes === "stream") found("newBytes is called for a message in pieces");
      const own = isOwned ? source.subarray(start, end) : source.slice(start, end);
      this.#made.add(own);
      return own;
    };
    this.options = bytes === "made" ? { newBytes } : { borrow: bytes === "borrowed" };
  }

  /** Takes what the handler `message` is called with, and gives what the message was. */
  handed(data: Data, isText: boolean): Data {
    const isString = typeof data === "string";
    if (isString !== (isText && this.#textAs === "string")) {
      this.#found(`a ${isText ? "text" : "binary"} message is given as ${typeof data}`);
    }
    if (isString) return data;
    this.#check(data);
    // Borrowed bytes are not there any more when the call is over.
    const own = this.#kind === "borrowed" ? data.slice() : data;
    if (!isText) return own;
    const text = decoder.decode(own);
    this.#texts.push([own, text]);
    return text;
  }

  /** Takes what somebody has asked for. */
  asked(data: Data): Data {
    if (typeof data !== "string") this.#check(data);
    return data;
  }

  /** Looks at what was given before: nobody may have written into it. */
  checkKept(): void {
    for (const [bytes, text] of this.#texts) {
      if (firstDifference(decoder.decode(bytes), text) !== -1) {
        this.#found("bytes of a text have changed after they were given");
      }
    }
  }

  #check(bytes: Uint8Array): void {
    if (this.#kind !== "made" || this.#made.delete(bytes)) return;
    this.#found("bytes are given that newBytes has not made, or twice");
  }
}
