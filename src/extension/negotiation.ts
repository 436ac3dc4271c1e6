/**
 * Negotiates the extensions of a connection: the server's side and the client's (RFC 6455, 9.1).
 *
 * @module
 */

import type { State } from "../frame/check.ts";
import type { Option } from "../http/option.ts";
import type { Extension, ExtensionSession } from "./extension.ts";

/** An extension and the parameters that both sides agreed upon. */
export interface AgreedExtension {
  /** The extension that was agreed upon. */
  readonly extension: Extension;
  /** The server's answer. */
  readonly option: Option;
}

/** On a server: accepts offers, each extension at most once and each reserved bit for at most one extension. */
export class Negotiation {
  /** The agreed extensions, in the order of the answer. */
  readonly agreed: AgreedExtension[] = [];
  readonly #extensions: readonly Extension[];
  #rsv = 0;

  /**
   * Begins with no agreed extension.
   *
   * @param extensions The extensions of this side.
   */
  constructor(extensions: readonly Extension[]) {
    this.#extensions = extensions;
  }

  /** Tells whether this side has an extension of this name, so that {@link consider} can take its offers. */
  knows(name: string): boolean {
    return this.#extensions.some((extension) => extension.name === name);
  }

  /** Takes the next offer, in the client's order. @returns The answer; undefined if the offer is declined. */
  consider(offer: Option): Option | undefined {
    // Offers with the same name are alternatives: the first accepted one counts.
    if (this.agreed.some(({ option }) => option.name === offer.name)) return undefined;
    const extension = this.#extensions.find(({ name }) => name === offer.name);
    if (extension === undefined || (extension.rsv & this.#rsv) !== 0) return undefined;
    const option = extension.accept(offer);
    if (option === undefined) return undefined;
    this.#rsv |= extension.rsv;
    this.agreed.push({ extension, option });
    return option;
  }
}

/** On a server: accepts the offers of a list that it can accept. */
export function acceptOffers(
  extensions: readonly Extension[],
  offers: readonly Option[],
): readonly AgreedExtension[] {
  const negotiation = new Negotiation(extensions);
  for (const offer of offers) negotiation.consider(offer);
  return negotiation.agreed;
}

/**
 * On a client: takes the server's answer.
 *
 * @param extensions The offered extensions.
 * @returns undefined if the answer names an extension that was not offered, or two that share a reserved bit.
 */
export function takeAnswer(
  extensions: readonly Extension[],
  answer: readonly Option[],
): readonly AgreedExtension[] | undefined {
  const agreed: AgreedExtension[] = [];
  let rsv = 0;
  for (const option of answer) {
    const extension = extensions.find(({ name }) => name === option.name);
    if (extension === undefined || (extension.rsv & rsv) !== 0) return undefined;
    rsv |= extension.rsv;
    agreed.push({ extension, option });
  }
  return agreed;
}

/**
 * Begins the work of all agreed extensions on a connection.
 *
 * @param side StateServerSide or StateClientSide.
 * @returns The sessions, in the agreed order; undefined if an answer does not fit its offers.
 */
export function openExtensions(
  agreed: readonly AgreedExtension[],
  side: State,
): readonly ExtensionSession[] | undefined {
  const sessions: ExtensionSession[] = [];
  for (const { extension, option } of agreed) {
    const session = extension.open(option, side);
    if (session === undefined) {
      closeSessions(sessions);
      return undefined;
    }
    sessions.push(session);
  }
  return sessions;
}

/**
 * Closes the sessions of a connection, each of them even if others throw.
 *
 * @throws The error of a session; an AggregateError if several throw.
 */
export function closeSessions(sessions: readonly ExtensionSession[]): void {
  const errors: unknown[] = [];
  for (const session of sessions) {
    try {
      session.close?.();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 1) throw new AggregateError(errors, "Several extensions failed to close");
  if (errors.length > 0) throw errors[0];
}
