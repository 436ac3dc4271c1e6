/**
 * permessage-deflate as an extension: it offers, accepts and opens (RFC 7692).
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

/** Options of compression. */
export interface CompressionOptions {
  /** The DEFLATE engine. Default: the zlib of the runtime, if an adapter is used. */
  readonly engine?: Engine | undefined;
  /** The server begins each message with an empty window: less memory, larger messages. Default: false. */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** The client begins each message with an empty window. Default: false. */
  readonly clientNoContextTakeover?: boolean | undefined;
  /**
   * Base-2 logarithm of the server's window, 8 to 15. A client asks the server for it if the option is given, and makes a second
   * offer without it for servers that cannot do it. Default: 13 on a server; on a client the server chooses.
   */
  readonly serverMaxWindowBits?: number | undefined;
  /**
   * Base-2 logarithm of the client's window, 8 to 15. A server can ask for it only if the client offers it; other clients use 15.
   * Default: 13.
   */
  readonly clientMaxWindowBits?: number | undefined;
  /**
   * 0 (stored) to 9 (smallest). Default: 1, the fastest. With 2, large messages become a third smaller if the engine takes a
   * short cut at 1 (docs/compression.md).
   */
  readonly level?: number | undefined;
  /** Memory of a compressor for the block that it gathers, 1 to 9: 2^(memLevel + 8) bytes. Default: 6. */
  readonly memLevel?: number | undefined;
  /** Bytes of payload from which a message is compressed. Default: 64. */
  readonly threshold?: number | undefined;
  /**
   * Bytes that the compressors and decompressors of all connections may hold together. Beyond it, those used longest ago are
   * freed: a compressor continues with an empty window, a decompressor keeps a copy of its window. This holds in the middle of a
   * message, too, except for decompressors that have got some KiB of a message and not its end. If these hold more than half of
   * the budget, the excess comes on top. 0 or Infinity for no limit. Default: 256 MiB.
   */
  readonly maxMemory?: number | undefined;
  /**
   * Milliseconds after which an unused context of a connection is freed in the same way. 0 or Infinity for never. Default: 30
   * 000.
   */
  readonly idleTimeout?: number | undefined;
  /** Keeps that time. Default: a new timer on the engine's clock; if a server gets the option, the server's. */
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

/** The types and ranges of the options. */
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
 * permessage-deflate for the connections of a server or client; one object serves all connections.
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
   * @throws {TypeError} There is no engine; or an option is unknown or has a wrong type.
   * @throws {RangeError} An option is out of range.
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

  /** Bytes that compressors and decompressors hold now, as far as the engine knows. */
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

/** Gives a client's offers: first what it prefers, then what every server can do. */
function toOffers(wanted: Parameters, serverMaxWindowBits: number | undefined): Parameters[] {
  // Without a value, the server may name any window (RFC 7692, 7.1.2.2).
  const any = { ...wanted, serverMaxWindowBits: 0, clientMaxWindowBits: AnyWindowBits };
  return serverMaxWindowBits === undefined ? [any] : [{ ...any, serverMaxWindowBits }, any];
}

/**
 * Gives the agreement with the client's own wishes: it may use less than was agreed without saying so (RFC 7692, 7.1.1.2,
 * 7.1.2.2).
 */
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

/** Gives the limit, with 0 read as no limit. */
function limitOf(name: string, value: number): number {
  checkBetween(name, value, 0, Infinity);
  return value === 0 ? Infinity : value;
}
