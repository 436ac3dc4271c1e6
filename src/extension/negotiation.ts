/**
 * Which extensions a connection uses: the two sides of the negotiation (RFC 6455, 9.1).
 *
 * @module
 */

import type { State } from "../frame/check.ts";
import type { Option } from "../http/option.ts";
import type { Extension, ExtensionSession } from "./extension.ts";

/** An extension and what was agreed upon about it. */
export interface AgreedExtension {
  /** The extension that was agreed upon. */
  readonly extension: Extension;
  /** What the server has answered, or is about to. */
  readonly option: Option;
}

/** Server: agrees to offers, each extension once and each reserved bit to one of them. */
export class Negotiation {
  /** What was agreed upon, in the order of the answer. */
  readonly agreed: AgreedExtension[] = [];
  readonly #extensions: readonly Extension[];
  #rsv = 0;

  /**
   * Begins with nothing agreed upon.
   *
   * @param extensions Those that this side has.
   */
  constructor(extensions: readonly Extension[]) {
    this.#extensions = extensions;
  }

  /** Tells whether offers of this name are for {@link consider}. */
  knows(name: string): boolean {
    return this.#extensions.some((extension) => extension.name === name);
  }

  /** Takes the next offer, in the client's order. @returns What answers it, undefined where it is declined. */
  consider(offer: Option): Option | undefined {
    // Offers of one name are alternatives, and the first one that is agreed to is it.
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

/** Server: agrees to what it can of a list of offers. */
export function acceptOffers(
  extensions: readonly Extension[],
  offers: readonly Option[],
): readonly AgreedExtension[] {
  const negotiation = new Negotiation(extensions);
  for (const offer of offers) negotiation.consider(offer);
  return negotiation.agreed;
}

/**
 * Client: takes an answer.
 *
 * @param extensions Those that were offered.
 * @returns undefined where the answer names another one, or two that share a reserved bit.
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
 * Begins to work on a connection.
 *
 * @param side StateServerSide or StateClientSide.
 * @returns In the order of what was agreed; undefined where an answer is none that its offer allows.
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
 * Frees what the extensions of a connection hold: each is closed, whatever the others throw.
 *
 * @throws What one of them throws; an AggregateError where several do.
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
