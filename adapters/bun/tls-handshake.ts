/**
 * A TLS handshake on Bun: what comes before it is done, and whether its peer is who it was to be.
 *
 * @module
 */

import type { TlsOptions } from "../../src/transport.ts";
import type { BunSocket, BunSocketOwner, BunTransport } from "./transport.ts";
import { identityError } from "../peer-identity.ts";

/** Bytes that are kept for a connection whose handshake is not known to be done: more than Bun reads in one go. */
const mostEarly = 1024 * 1024;

/**
 * Who gets the events of a socket until Bun tells that its handshake is done. Bun before 1.4 tells of what came behind the
 * handshake first: that is kept.
 */
export class HandshakeOwner implements BunSocketOwner {
  readonly handler: BunSocketOwner["handler"];
  readonly #onClose: (error: Error | undefined) => void;
  readonly #early: Uint8Array[] = [];
  #size = 0;
  #hasPeerEnded = false;

  /**
   * @param drop Drops the socket: its peer sends without an end, and no handshake is told of.
   * @param onClose The socket is closed; of a failure, its error.
   */
  constructor(drop: () => void, onClose: (error: Error | undefined) => void) {
    this.#onClose = onClose;
    this.handler = {
      onData: (chunk) => {
        this.#size += chunk.length;
        if (this.#size > mostEarly) drop();
        else this.#early.push(chunk);
      },
    };
  }

  drain(): void {}

  peerEnd(): void {
    this.#hasPeerEnded = true;
  }

  close(error: Error | undefined): void {
    this.#onClose(error);
  }

  /** Gives what was kept to the transport that the socket has become; its handler must be set. */
  passOn(transport: BunTransport): void {
    for (const chunk of this.#early) transport.handler.onData(chunk);
    if (this.#hasPeerEnded) transport.peerEnd();
  }
}

/**
 * Tells what is wrong with a server: nothing is believed but the absence of an error and the certificate itself. Bun before
 * 1.4 tells of success beside an error, and checks no name.
 *
 * @param name Whom its certificate must be for.
 */
export function serverError(
  socket: Pick<BunSocket, "getPeerCertificate">,
  success: boolean,
  error: Error | null,
  tls: TlsOptions,
  name: string,
): Error | undefined {
  if (error !== null) return error;
  if (!success) return new Error("TLS handshake failed");
  return identityError(tls, name, socket.getPeerCertificate());
}

/** Tells whether a client has shown a certificate that is trusted; one that was not asked is not. */
export function isTrustedClient(
  socket: Pick<BunSocket, "getPeerCertificate">,
  error: Error | null,
  isAsked: boolean,
): boolean {
  return isAsked && error === null && socket.getPeerCertificate()?.raw !== undefined;
}
