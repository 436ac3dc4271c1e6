/**
 * permessage-deflate as an extension: what is offered, agreed upon and opened (RFC 7692).
 *
 * @module
 */

import { checkBetween } from "../arguments.ts";
import {
  boolean,
  checkOptions,
  deadlines,
  having,
  milliseconds,
  number,
  type OptionTable,
} from "../check-options.ts";
import { Deadlines, systemClock } from "../clock.ts";
import type { Extension, ExtensionSession } from "../extension/extension.ts";
import { isServerSide, type State } from "../frame/check.ts";
import type { Option } from "../http/option.ts";
import { Contexts } from "./contexts.ts";
import type { Engine } from "./engine.ts";
import { acceptOffer, checkAnswer, flateSides } from "./negotiate.ts";
import {
  AnyWindowBits,
  ExtensionName,
  parametersOption,
  type Parameters,
  parseAnswer,
  parseOffer,
} from "./parameters.ts";
import { FlateSession } from "./session.ts";

/** What compression costs, and what it brings. */
export interface CompressionOptions {
  /** What compresses. Default: the zlib of the runtime, where an adapter is used. */
  readonly engine?: Engine | undefined;
  /** The server begins each message with an empty window: less memory, larger messages. Default: false. */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** The client does. Default: false. */
  readonly clientNoContextTakeover?: boolean | undefined;
  /**
   * Base-2 logarithm of the server's window, 8 to 15. On a client it is asked for where it is given; a server that does
   * not do it is asked again without. Default: 13 on a server, what the server likes on a client.
   */
  readonly serverMaxWindowBits?: number | undefined;
  /**
   * Base-2 logarithm of the client's window, 8 to 15. A server can ask only clients for it that offer it; from others
   * it takes 15. Default: 13.
   */
  readonly clientMaxWindowBits?: number | undefined;
  /**
   * 0 (stored) to 9 (smallest). Default: 1, the fastest; 2 makes large messages a third smaller where the engine takes a
   * short cut at 1 (docs/compression.md).
   */
  readonly level?: number | undefined;
  /** Memory that a compressor takes for a block that it gathers, 1 to 9: 2^(memLevel + 8) bytes. Default: 6. */
  readonly memLevel?: number | undefined;
  /** Bytes of payload from which a message is compressed. Default: 64. */
  readonly threshold?: number | undefined;
  /**
   * Bytes that the compressors and decompressors of all connections may hold together. Beyond it those that were not used
   * for longest are freed: a compressor goes on with an empty window, a decompressor keeps a copy of its own. That holds in
   * the middle of a message, too, apart from decompressors of which the peer has sent some KiB and not the end: what those
   * hold comes on top where it is more than half of this. 0 or Infinity for no limit. Default: 256 MiB.
   */
  readonly maxMemory?: number | undefined;
  /** Milliseconds after which what a connection does not use is freed likewise. 0 or Infinity for never. Default: 30 000. */
  readonly idleTimeout?: number | undefined;
  /** Where that time is kept. Default: a timer of its own, on the engine's clock, a server's where it is given to a server. */
  readonly deadlines?: Deadlines | undefined;
}

const defaults = {
  windowBits: 13,
  level: 1,
  memLevel: 6,
  threshold: 64,
  maxMemory: 256 * 1024 ** 2,
  idleTimeout: 30_000,
};

/** What the options may be. */
export const compressionTable: OptionTable<CompressionOptions> = {
  engine: /* @__PURE__ */ having("an Engine", "newDeflater", "newInflater"),
  serverNoContextTakeover: boolean,
  clientNoContextTakeover: boolean,
  serverMaxWindowBits: number,
  clientMaxWindowBits: number,
  level: number,
  memLevel: number,
  threshold: number,
  maxMemory: number,
  idleTimeout: milliseconds,
  deadlines,
};

/** Reserved bit 1, which marks compressed messages (RFC 7692, 6). */
const rsv1 = 4;

/**
 * permessage-deflate for a server's or client's connections; one is enough for all.
 *
 * @example
 * const compression = new PermessageDeflate({ engine: zlibEngine(), level: 3 });
 * const stream = await dial("wss://example.org/feed", { extensions: [compression] });
 * const reader = new Reader(stream, stream.state, { extensions: stream.recvExtensions });
 *
 * @see RFC 7692
 */
export class PermessageDeflate implements Extension {
  readonly name: string = ExtensionName;
  readonly rsv: number = rsv1;
  readonly #offered: readonly Parameters[];
  readonly #wanted: Parameters;
  readonly #threshold: number;
  readonly #level: number;
  readonly #memLevel: number;
  readonly #contexts: Contexts;
  readonly #engine: Engine;
  readonly #offers: readonly Option[];

  /**
   * @throws {TypeError} There is no engine; or an option is not known, or of a wrong type.
   * @throws {RangeError} An option is out of its range.
   */
  constructor(options: CompressionOptions) {
    checkOptions(options, compressionTable);
    const { engine, serverMaxWindowBits, clientMaxWindowBits } = options;
    if (engine === undefined) {
      throw new TypeError("Compression needs an engine, such as zlibEngine() of framewire/zlib");
    }
    const { level = defaults.level, memLevel = defaults.memLevel } = options;
    checkBetween("serverMaxWindowBits", serverMaxWindowBits ?? defaults.windowBits, 8, 15);
    checkBetween("clientMaxWindowBits", clientMaxWindowBits ?? defaults.windowBits, 8, 15);
    checkBetween("level", level, 0, 9);
    checkBetween("memLevel", memLevel, 1, 9);
    this.#threshold = options.threshold ?? defaults.threshold;
    checkBetween("threshold", this.#threshold, 0, Infinity);
    this.#level = level;
    this.#memLevel = memLevel;
    this.#wanted = {
      serverNoContextTakeover: options.serverNoContextTakeover ?? false,
      clientNoContextTakeover: options.clientNoContextTakeover ?? false,
      serverMaxWindowBits: serverMaxWindowBits ?? defaults.windowBits,
      clientMaxWindowBits: clientMaxWindowBits ?? defaults.windowBits,
    };
    this.#offered = toOffers(this.#wanted, serverMaxWindowBits);
    this.#offers = this.#offered.map(parametersOption);
    this.#engine = engine;
    this.#contexts = new Contexts({
      engine,
      level,
      memLevel,
      maxMemory: limitOf("maxMemory", options.maxMemory ?? defaults.maxMemory),
      idleTimeout: limitOf("idleTimeout", options.idleTimeout ?? defaults.idleTimeout),
      deadlines: options.deadlines ?? new Deadlines(engine.clock ?? systemClock),
    });
  }

  get offers(): readonly Option[] {
    return this.#engine.isUsable?.() === false ? [] : this.#offers;
  }

  /** Bytes that compressors and decompressors hold at present, as far as the engine knows. */
  get memory(): number {
    return this.#contexts.memory;
  }

  accept(offer: Option): Option | undefined {
    if (this.#engine.isUsable?.() === false) return undefined;
    const parameters = parseOffer(offer);
    return parameters && parametersOption(acceptOffer(parameters, this.#wanted));
  }

  open(agreed: Option, side: State): ExtensionSession | undefined {
    const answer = parseAnswer(agreed);
    if (answer === undefined) return undefined;
    if (isServerSide(side)) return this.#open(answer, side);
    const offer = this.#offered.find((one) => checkAnswer(answer, one));
    return offer && this.#open(clientsOwn(answer, this.#wanted), side);
  }

  #open(agreed: Parameters, side: State): FlateSession {
    const { deflate, inflate } = flateSides(agreed, side);
    return new FlateSession({
      contexts: this.#contexts,
      deflate,
      inflate,
      threshold: this.#threshold,
      cacheKey: `${this.name} ${deflate.windowBits} ${this.#level} ${this.#memLevel}`,
    });
  }
}

/** What a client offers: what it would like first, then what any server can do. */
function toOffers(wanted: Parameters, serverMaxWindowBits: number | undefined): Parameters[] {
  // Without a value: any window will do for the server to name (RFC 7692, 7.1.2.2).
  const any = { ...wanted, serverMaxWindowBits: 0, clientMaxWindowBits: AnyWindowBits };
  return serverMaxWindowBits === undefined ? [any] : [{ ...any, serverMaxWindowBits }, any];
}

/** A client may keep to less than was agreed, without saying so (RFC 7692, 7.1.1.2 and 7.1.2.2). */
function clientsOwn(agreed: Parameters, wanted: Parameters): Parameters {
  const { clientMaxWindowBits, clientNoContextTakeover } = agreed;
  return {
    ...agreed,
    clientNoContextTakeover: clientNoContextTakeover || wanted.clientNoContextTakeover,
    clientMaxWindowBits:
      clientMaxWindowBits === 0
        ? wanted.clientMaxWindowBits
        : Math.min(clientMaxWindowBits, wanted.clientMaxWindowBits),
  };
}

/** Reads 0 as no limit. */
function limitOf(name: string, value: number): number {
  checkBetween(name, value, 0, Infinity);
  return value === 0 ? Infinity : value;
}
