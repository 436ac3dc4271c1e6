/**
 * Calls an Upgrader's callbacks for one checked request, header by header.
 *
 * @module
 */

import { equalsIgnoreCase, latin1 } from "../../bytes.ts";
import { isPromise } from "../../deferred.ts";
import { HandshakeError } from "../../errors.ts";
import type { Extension } from "../../extension/extension.ts";
import { Negotiation } from "../../extension/negotiation.ts";
import type { Head } from "../../http/head.ts";
import { type Option, parseOptions } from "../../http/option.ts";
import { addListRanges } from "../../http/token.ts";
import { canonicalize } from "../../http/view.ts";
import type { Awaitable } from "../../io/byte-stream.ts";
import type { Attempt } from "../attempt.ts";
import type { Choice } from "./agreement.ts";
import { malformedExtensions, offeredProtocols } from "./request.ts";
import type { UpgradeCallbacks } from "./upgrade-callbacks.ts";

/** Headers that the handshake itself reads. No callback gets them. */
const ownHeaders = ["upgrade", "connection", "sec-websocket-version", "sec-websocket-key"];

/** Calls the callbacks for one request. Views and strings are made only for callbacks that exist. */
export class CallbackNegotiation<Context> {
  readonly #head: Head;
  readonly #callbacks: UpgradeCallbacks<Context>;
  readonly #context: Context;
  readonly #attempt: Attempt;
  #protocol: string | undefined;
  readonly #extensions: Option[] = [];
  readonly #negotiation: Negotiation | undefined;

  /**
   * @param attempt When it is aborted, no further callback is called.
   * @param extensions The Upgrader's own extensions. Offers of other extensions go to the callbacks.
   */
  constructor(
    head: Head,
    callbacks: UpgradeCallbacks<Context>,
    context: Context,
    attempt: Attempt,
    extensions: readonly Extension[] = [],
  ) {
    this.#head = head;
    this.#callbacks = callbacks;
    this.#context = context;
    this.#attempt = attempt;
    this.#negotiation = extensions.length > 0 ? new Negotiation(extensions) : undefined;
  }

  /** Calls the callbacks. Waits only for async ones. */
  async run(): Promise<Choice> {
    const head = this.#head;
    if (this.#callbacks.onRequest !== undefined) {
      const target = head.bytes.subarray(head.targetByte, head.targetEndByte);
      const done = this.#callbacks.onRequest(target, this.#context);
      if (isPromise(done)) await this.#resultOf(done);
    }
    if (this.#wantsHeaders()) {
      for (let index = 0; index < head.headerCount; index++) {
        const done = this.#header(index);
        if (isPromise(done)) await this.#resultOf(done);
      }
    }
    return {
      protocol: this.#protocol,
      extensions: this.#extensions,
      agreed: this.#negotiation?.agreed ?? [],
    };
  }

  /** Waits for a callback's result, which has no effect if the attempt was aborted meanwhile. */
  async #resultOf<Result>(given: Result | PromiseLike<Result>): Promise<Result> {
    const result = await given;
    this.#attempt.check();
    return result;
  }

  #wantsHeaders(): boolean {
    const { onHost, onHeader, protocol, protocolCustom, negotiate, extensionCustom } =
      this.#callbacks;
    return (
      this.#negotiation !== undefined ||
      (onHost ?? onHeader ?? protocol ?? protocolCustom ?? negotiate ?? extensionCustom) !==
        undefined
    );
  }

  #header(index: number): Awaitable<void> {
    if (this.#isNamed(index, "host")) return this.#host(index);
    if (this.#isNamed(index, "sec-websocket-protocol")) return this.#chooseProtocol(index);
    if (this.#isNamed(index, "sec-websocket-extensions")) return this.#negotiate(index);
    if (this.#callbacks.onHeader === undefined) return;
    for (const own of ownHeaders) {
      if (this.#isNamed(index, own)) return;
    }
    const { bytes } = this.#head;
    const start = this.#head.nameStart(index);
    const end = this.#head.nameEnd(index);
    canonicalize(bytes, start, end);
    return this.#callbacks.onHeader(bytes.subarray(start, end), this.#value(index), this.#context);
  }

  #isNamed(index: number, name: string): boolean {
    const head = this.#head;
    return equalsIgnoreCase(head.bytes, head.nameStart(index), head.nameEnd(index), name);
  }

  #value(index: number): Uint8Array {
    return this.#head.bytes.subarray(this.#head.valueStart(index), this.#head.valueEnd(index));
  }

  #host(index: number): Awaitable<void> {
    return this.#callbacks.onHost?.(this.#value(index), this.#context);
  }

  async #chooseProtocol(index: number): Promise<void> {
    const head = this.#head;
    const callbacks = this.#callbacks;
    if (this.#protocol !== undefined) return;
    if (callbacks.protocolCustom !== undefined) {
      const chosen = await this.#resultOf(
        callbacks.protocolCustom(this.#value(index), this.#context),
      );
      if (chosen === undefined) throw new HandshakeError("BAD_SUBPROTOCOL");
      if (chosen === "") return;
      if (!offeredProtocols(head).includes(chosen)) {
        throw new TypeError(`Subprotocol was not offered: ${JSON.stringify(chosen)}`);
      }
      this.#protocol = chosen;
      return;
    }
    if (callbacks.protocol === undefined) return;
    const ranges: number[] = [];
    addListRanges(ranges, head.bytes, head.valueStart(index), head.valueEnd(index));
    for (let at = 0; at < ranges.length; at += 2) {
      const token = head.bytes.subarray(ranges[at], ranges[at + 1]);
      if (!(await this.#resultOf(callbacks.protocol(token, this.#context)))) continue;
      this.#protocol = latin1(token, 0, token.length);
      return;
    }
  }

  async #negotiate(index: number): Promise<void> {
    const { bytes } = this.#head;
    const callbacks = this.#callbacks;
    if (callbacks.extensionCustom !== undefined) {
      const accepted = await this.#resultOf(
        callbacks.extensionCustom(this.#value(index), this.#context),
      );
      if (accepted === undefined) throw malformedExtensions();
      this.#extensions.push(...accepted);
      return;
    }
    if (callbacks.negotiate === undefined && this.#negotiation === undefined) return;
    const offers = parseOptions(bytes, this.#head.valueStart(index), this.#head.valueEnd(index));
    if (offers === undefined) throw malformedExtensions();
    for (const offer of offers) {
      // Offers of one name are alternatives; the first one that is accepted wins (RFC 6455, 9.1).
      if (this.#extensions.some(({ name }) => name === offer.name)) continue;
      const accepted = this.#negotiation?.knows(offer.name)
        ? this.#negotiation.consider(offer)
        : await this.#resultOf(callbacks.negotiate?.(offer, this.#context));
      if (accepted === undefined) continue;
      if (accepted.name !== offer.name) {
        throw new TypeError(`Extension was not offered: ${JSON.stringify(accepted.name)}`);
      }
      this.#extensions.push(accepted);
    }
  }
}
