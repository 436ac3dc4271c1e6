/**
 * The last step of a server's opening handshake, however the request came: from what was chosen to 101 (RFC 6455, 4.2.2).
 *
 * @module
 */

import type { ExtensionSession } from "../../extension/extension.ts";
import { type AgreedExtension, openExtensions } from "../../extension/negotiation.ts";
import { StateServerSide } from "../../frame/check.ts";
import type { Head } from "../../http/head.ts";
import type { GivenHeaders } from "../../http/headers.ts";
import type { Option } from "../../http/option.ts";
import { writeUpgrade } from "./response.ts";

/** What was chosen of a request's offers. */
export interface Choice {
  /** One of the subprotocols offered; undefined for none. */
  readonly protocol: string | undefined;
  /** What is answered about extensions. */
  readonly extensions: readonly Option[];
  /** Those of it that this side has itself. */
  readonly agreed: readonly AgreedExtension[];
}

/** A request that is agreed to. */
export interface Acceptance {
  /** The 101, to be sent. */
  readonly response: Uint8Array;
  /** The extensions' halves of the connection; to be closed by a caller that does not come to use them. */
  readonly sessions: readonly ExtensionSession[];
}

/**
 * Writes the answer to a request that passed its checks, and opens the extensions.
 *
 * @param offered The subprotocols of the request.
 * @param headers To stand beside the handshake's own.
 * @throws {TypeError} A header that may not be sent; a subprotocol that was not offered. Nothing is open then.
 */
export function acceptUpgrade(
  head: Head,
  offered: readonly string[],
  { protocol, extensions, agreed }: Choice,
  headers: GivenHeaders | undefined,
): Acceptance {
  const response = writeUpgrade(head, offered, { protocol, extensions, headers });
  // What this side has accepted itself it can open.
  return { response, sessions: openExtensions(agreed, StateServerSide)! };
}
