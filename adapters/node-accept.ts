/**
 * TCP connections that a server of Node's accepts: one read buffer for all of them, and writes without callbacks.
 *
 * A socket that tells what it reads by `data` events makes a buffer for each read: a third of what an echo of bytes costs
 * on Node 20 (bench/NOTES.md). `net.Socket` has the option `onread` for that, but `net.createServer` does not pass it on.
 * So a second socket is made around the handle of the accepted one. Handles are not documented: where they are not as
 * expected, the socket is used as it came.
 *
 * @module
 */

import { Socket } from "node:net";
import { noBytes } from "../src/bytes.ts";
import type { TcpOptions, Transport } from "../src/transport.ts";
import { type NodeSocket, NodeTransport } from "./node-transport.ts";

/** What is used of an accepted socket beside what is documented. */
interface AcceptedSocket extends NodeSocket {
  _handle?: { readonly useUserBuffer?: unknown } | null;
  /** The server that counts its connections, and is closed when there are none. */
  _server?: unknown;
}

/** Four times what Node reads at a time by itself: a message of 64 KiB, with its header, then comes in one piece. */
const readSize = 256 * 1024;

/** What is read lies here until the call that hands it over returns: the contract of `onData` asks no more. */
let readBuffer: Uint8Array | undefined;

/** A socket that Node's `onread` reads for. */
class AcceptedTransport extends NodeTransport {
  readonly #socket: NodeSocket;
  readonly #drained: () => void;

  constructor(socket: NodeSocket, tcp: TcpOptions) {
    super(socket, tcp, false);
    this.#socket = socket;
    this.#drained = () => {
      this.handler.onDrain();
    };
  }

  override write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (!socket.writable) return true;
    socket.write(bytes);
    // Nothing left right after the call: the kernel has it all.
    if (socket.writableLength === 0) return true;
    // What is left is gone when an empty write behind it is done. A callback of the first one would cost all those that
    // the kernel takes at once, nearly all, a tenth of the call.
    socket.write(noBytes, this.#drained);
    return false;
  }
}

/** Makes the transport of a socket that a server with `pauseOnConnect` has accepted. */
export function acceptedTransport(socket: NodeSocket, tcp: TcpOptions): Transport {
  const accepted = socket as AcceptedSocket;
  const handle = accepted._handle;
  if (typeof handle?.useUserBuffer !== "function") {
    const transport = new NodeTransport(socket, tcp);
    socket.resume();
    return transport;
  }
  readBuffer ??= new Uint8Array(readSize);
  const options = {
    handle,
    allowHalfOpen: true,
    onread: {
      buffer: readBuffer,
      callback(size: number, buffer: Uint8Array) {
        transport.handler.onData(buffer.subarray(0, size));
        return true;
      },
    },
  };
  const reader = new Socket(options as object) as NodeSocket & AcceptedSocket;
  reader._server = accepted._server;
  // The accepted one lets go of all that is the reader's now.
  accepted._handle = null;
  accepted._server = null;
  const transport = new AcceptedTransport(reader, tcp);
  reader.resume();
  return transport;
}
