/**
 * A TLS handshake on Bun: keeps what comes before it is done, and checks the peer's identity.
 *
 * @module
 */

import type { TlsOptions } from "../../src/transport.ts";
import type { BunSocket, BunSocketOwner, BunTransport } from "./transport.ts";
import { identityError } from "../peer-identity.ts";

/** Bytes that are kept before Bun says that a handshake is done: more than Bun reads at once. */
const mostEarly = 1024 * 1024;

/**
 * Gets the events of a socket until Bun says that its handshake is done. Bun before 1.4 delivers bytes that came behind the
 * handshake earlier: they are kept.
 */
export class HandshakeOwner implements BunSocketOwner {
  readonly handler: BunSocketOwner["handler"];
  readonly #onClose: (error: Error | undefined) => void;
  readonly #early: Uint8Array[] = [];
  #size = 0;
  #hasPeerEnded = false;

  /**
   * @param drop Drops the socket: its peer sends too much before Bun says that the handshake is done.
   * @param onClose Called when the socket is closed, with the error if it failed.
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

  /** Gives the kept bytes to the transport that the socket has become; its handler must be set. */
  passOn(transport: BunTransport): void {
    for (const chunk of this.#early) transport.handler.onData(chunk);
    if (this.#hasPeerEnded) transport.peerEnd();
  }
}

/**
 * Gives the error of a server's handshake, or undefined. It trusts only the absence of an error and the certificate itself: Bun
 * before 1.4 reports success together with an error, and checks no name.
 *
 * @param name The name that the certificate must be for.
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

/** Tells whether a client has shown a trusted certificate; it gives false if none was asked for. */
export function isTrustedClient(
  socket: Pick<BunSocket, "getPeerCertificate">,
  error: Error | null,
  isAsked: boolean,
): boolean {
  return isAsked && error === null && socket.getPeerCertificate()?.raw !== undefined;
}
