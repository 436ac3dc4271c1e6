/**
 * What two sides agree upon about permessage-deflate, in both roles (RFC 7692, 7.1).
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
 * Server: answers an offer.
 *
 * @param offer What {@link parseOffer} gave.
 * @param want What this server wants: its own largest window and the client's, where 0 stands for 15, and which side
 * begins each message with an empty window.
 * @returns An answer that keeps to the offer, and to `want` as far as the offer lets a server ask for it: a client that
 * does not offer client_max_window_bits is not told which window to use (7.1.2.2).
 */
export function acceptOffer(offer: Parameters, want: Parameters): Parameters {
  const server = Math.min(bitsOf(offer.serverMaxWindowBits), bitsOf(want.serverMaxWindowBits));
  const client = Math.min(bitsOf(offer.clientMaxWindowBits), bitsOf(want.clientMaxWindowBits));
  return {
    // "a server accepts ... by including the server_no_context_takeover extension parameter in the corresponding
    // negotiation response", and may do so by itself (7.1.1.1)
    serverNoContextTakeover: offer.serverNoContextTakeover || want.serverNoContextTakeover,
    // A hint in the offer, a demand in the answer (7.1.1.2).
    clientNoContextTakeover: offer.clientNoContextTakeover || want.clientNoContextTakeover,
    // Repeated, with the same value or a smaller one, where it was offered; else told where it matters (7.1.2.1).
    serverMaxWindowBits: offer.serverMaxWindowBits === 0 && server === largestWindow ? 0 : server,
    clientMaxWindowBits: offer.clientMaxWindowBits === 0 || client === largestWindow ? 0 : client,
  };
}

/** Bits of a window, 15 where they are not given. */
function bitsOf(bits: WindowBits): WindowBits {
  return bits === 0 || bits === AnyWindowBits ? largestWindow : bits;
}

/**
 * Client: tells whether an answer is one that an offer allows.
 *
 * @param answer What `parseAnswer` gave.
 */
export function checkAnswer(answer: Parameters, offer: Parameters): boolean {
  // What the client asks of the server has to be in the answer (7.1.1.1 and 7.1.2.1).
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

/** How one side's messages are compressed. */
export interface FlateSide {
  /** 8 to 15. */
  readonly windowBits: WindowBits;
  /** Whether the window of a message is kept for the next one. */
  readonly takeover: boolean;
}

/**
 * Tells what an agreement means for one side. A client that has offered client_no_context_takeover keeps to it, also where
 * the answer does not repeat it (7.1.1.2): that is for its caller.
 *
 * @param agreed The answer.
 * @param side StateServerSide or StateClientSide: which side this is.
 */
export function flateSides(
  agreed: Parameters,
  side: State,
): {
  /** What this side compresses by. */
  readonly deflate: FlateSide;
  /** What it decompresses by. */
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
 * Negotiates permessage-deflate for one handshake: for the `negotiate` of an Upgrader.
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
   * Begins with nothing accepted.
   *
   * @param want As for {@link acceptOffer}.
   */
  constructor(want: Parameters) {
    this.#want = want;
  }

  /** What was agreed upon, undefined until then. @see gobwas Extension.Accepted, which gives the offer */
  get accepted(): Parameters | undefined {
    return this.#accepted;
  }

  /**
   * Answers an offer.
   *
   * @returns undefined where it is of another extension, illegal, or comes after one that was agreed to.
   * @see gobwas Extension.Negotiate, which fails the handshake for an illegal offer
   */
  negotiate(offer: Option): Option | undefined {
    if (this.#accepted !== undefined) return undefined;
    const parameters = parseOffer(offer);
    if (parameters === undefined) return undefined;
    this.#accepted = acceptOffer(parameters, this.#want);
    return parametersOption(this.#accepted);
  }

  /** Begins anew, for another handshake. @see gobwas Extension.Reset */
  reset(): void {
    this.#accepted = undefined;
  }
}
