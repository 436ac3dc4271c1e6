/**
 * Negotiates permessage-deflate, in both roles (RFC 7692, 7.1).
 *
 * @module
 */

import { isServerSide, type State } from "../frame/check.ts";
import type { Option } from "../http/option.ts";
import {
  AnyWindowBits,
  type Parameters,
  parametersOption,
  parseOffer,
  type WindowBits,
} from "./parameters.ts";

const largestWindow: WindowBits = 15;

/**
 * On a server: answers an offer.
 *
 * @param offer The result of {@link parseOffer}.
 * @param want The server's wishes: its own largest window and the client's, where 0 stands for 15, and which side begins each
 * message with an empty window.
 * @returns An answer that keeps to the offer, and to `want` as far as the offer allows: a client that does not offer
 * client_max_window_bits is not told which window to use (7.1.2.2).
 */
export function acceptOffer(offer: Parameters, want: Parameters): Parameters {
  const server = Math.min(bitsOf(offer.serverMaxWindowBits), bitsOf(want.serverMaxWindowBits));
  const client = Math.min(bitsOf(offer.clientMaxWindowBits), bitsOf(want.clientMaxWindowBits));
  return {
    // "a server accepts ... by including the server_no_context_takeover extension parameter in the corresponding
    // negotiation response", and may do so without being asked (7.1.1.1)
    serverNoContextTakeover: offer.serverNoContextTakeover || want.serverNoContextTakeover,
    // In the offer it is a hint, in the answer a demand (7.1.1.2).
    clientNoContextTakeover: offer.clientNoContextTakeover || want.clientNoContextTakeover,
    // Repeated, with the same value or a smaller one, if it was offered; otherwise sent only if it is not 15 (7.1.2.1).
    serverMaxWindowBits: offer.serverMaxWindowBits === 0 && server === largestWindow ? 0 : server,
    clientMaxWindowBits: offer.clientMaxWindowBits === 0 || client === largestWindow ? 0 : client,
  };
}

/** Gives the bits of a window; 15 if none are given. */
function bitsOf(bits: WindowBits): WindowBits {
  return bits === 0 || bits === AnyWindowBits ? largestWindow : bits;
}

/**
 * On a client: tells whether an offer allows an answer.
 *
 * @param answer The result of `parseAnswer`.
 */
export function checkAnswer(answer: Parameters, offer: Parameters): boolean {
  // The answer must contain everything that the client asks of the server (7.1.1.1 and 7.1.2.1).
  if (offer.serverNoContextTakeover && !answer.serverNoContextTakeover) return false;
  if (offer.serverMaxWindowBits !== 0) {
    const { serverMaxWindowBits } = answer;
    if (serverMaxWindowBits === 0 || serverMaxWindowBits > offer.serverMaxWindowBits) return false;
  }
  // "a server MUST NOT include ... 'client_max_window_bits' ... if the received ... offer doesn't include" it (7.1.2.2)
  return (
    answer.clientMaxWindowBits === 0 ||
    (offer.clientMaxWindowBits !== 0 &&
      answer.clientMaxWindowBits <= bitsOf(offer.clientMaxWindowBits))
  );
}

/** The compression of one side's messages. */
export interface FlateSide {
  /** 8 to 15. */
  readonly windowBits: WindowBits;
  /** Whether the window of a message is kept for the next one. */
  readonly takeover: boolean;
}

/**
 * Gives what an agreement means for both directions of one side. A client that has offered client_no_context_takeover keeps to it
 * even if the answer does not repeat it (7.1.1.2); the caller must see to that.
 *
 * @param agreed The answer.
 * @param side This side: StateServerSide or StateClientSide.
 */
export function flateSides(
  agreed: Parameters,
  side: State,
): {
  /** How this side compresses. */
  readonly deflate: FlateSide;
  /** How this side must decompress. */
  readonly inflate: FlateSide;
} {
  const server: FlateSide = {
    windowBits: bitsOf(agreed.serverMaxWindowBits),
    takeover: !agreed.serverNoContextTakeover,
  };
  const client: FlateSide = {
    windowBits: bitsOf(agreed.clientMaxWindowBits),
    takeover: !agreed.clientNoContextTakeover,
  };
  return isServerSide(side)
    ? { deflate: server, inflate: client }
    : { deflate: client, inflate: server };
}

/**
 * Negotiates permessage-deflate for one handshake; use it in `negotiate` of an Upgrader.
 *
 * @example
 * const upgrader = new Upgrader({
 *   newContext: () => new Negotiator(defaultParameters),
 *   negotiate: (offer, negotiator) => negotiator.negotiate(offer),
 * });
 *
 * @see gobwas wsflate.Extension
 */
export class Negotiator {
  readonly #want: Parameters;
  #accepted: Parameters | undefined;

  /**
   * Begins with no accepted offer.
   *
   * @param want As for {@link acceptOffer}.
   */
  constructor(want: Parameters) {
    this.#want = want;
  }

  /** The agreement; undefined before. @see gobwas Extension.Accepted, which gives the offer */
  get accepted(): Parameters | undefined {
    return this.#accepted;
  }

  /**
   * Answers an offer.
   *
   * @returns undefined if the offer is for another extension, is illegal, or comes after an accepted one.
   * @see gobwas Extension.Negotiate, which fails the handshake for an illegal offer
   */
  negotiate(offer: Option): Option | undefined {
    if (this.#accepted !== undefined) return undefined;
    const parameters = parseOffer(offer);
    if (parameters === undefined) return undefined;
    this.#accepted = acceptOffer(parameters, this.#want);
    return parametersOption(this.#accepted);
  }

  /** Begins again, for another handshake. @see gobwas Extension.Reset */
  reset(): void {
    this.#accepted = undefined;
  }
}
