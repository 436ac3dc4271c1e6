/**
 * The last step of a server's opening handshake: writes 101 for what was chosen (RFC 6455, 4.2.2).
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

/** The choice from a request's offers. */
export interface Choice {
  /** One of the offered subprotocols; undefined for none. */
  readonly protocol: string | undefined;
  /** The extensions of the response. */
  readonly extensions: readonly Option[];
  /** Those of them that this side has an implementation for. */
  readonly agreed: readonly AgreedExtension[];
}

/** An accepted request. */
export interface Acceptance {
  /** The response with status 101. */
  readonly response: Uint8Array;
  /** The open extensions of the connection. A caller that does not use them must close them. */
  readonly sessions: readonly ExtensionSession[];
}

/**
 * Writes the response to a request that has passed its checks, and opens the extensions.
 *
 * @param offered The subprotocols of the request.
 * @param headers Headers in addition to those of the handshake.
 * @throws {TypeError} A header may not be sent; the subprotocol was not offered. Then no extension is open.
 */
export function acceptUpgrade(
  head: Head,
  offered: readonly string[],
  { protocol, extensions, agreed }: Choice,
  headers: GivenHeaders | undefined,
): Acceptance {
  const response = writeUpgrade(head, offered, { protocol, extensions, headers });
  // Always defined: this side can open the extensions that it has accepted itself.
  return { response, sessions: openExtensions(agreed, StateServerSide)! };
}
