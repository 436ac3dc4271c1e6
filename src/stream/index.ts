/**
 * Frames and messages over byte streams, read on demand into the caller's own buffers: what gobwas's packages ws and wsutil do
 * over an `io.ReadWriter`.
 *
 * @example
 * import { StateServerSide } from "framewire/frame";
 * import { listen } from "framewire/node";
 * import { readClientData, writeServerMessage } from "framewire/stream";
 * import { upgrade } from "framewire/handshake";
 *
 * for await (const conn of await listen({ port: 8080 })) void echo(conn);
 *
 * async function echo(conn) {
 *   const stream = await upgrade(conn);
 *   for (;;) {
 *     const { opcode, payload } = await readClientData(stream);
 *     await writeServerMessage(stream, opcode, payload);
 *   }
 * }
 *
 * @module framewire/stream
 */

export { ClosedError, LimitError, ProtocolError, TransportError } from "../errors.ts";
export { BufferedStream, type BufferedOptions } from "../io/buffered.ts";
export type { Awaitable, ByteReader, ByteStream, ByteWriter } from "../io/byte-stream.ts";
export { copy, type CopyDest } from "../io/copy.ts";
export {
  BytesReader,
  readAll,
  type ReadAllOptions,
  readBytes,
  readExactly,
  readFull,
} from "../io/full.ts";
export { connectStreamOn, type StreamConnectOptions } from "../io/connect-stream.ts";
export { writeAll } from "../io/write-all.ts";
export { listenStreams, StreamListener, type StreamListenOptions } from "../io/stream-listener.ts";
export {
  type ReleasedTransport,
  TransportStream,
  type TransportStreamOptions,
} from "../io/transport-stream.ts";
export {
  ControlHandler,
  controlFrameHandler,
  type ControlHandlerOptions,
  ControlWriter,
} from "./control.ts";
export type { RecvExtension, SendExtension } from "../extension/extension.ts";
export { CipherReader, CipherWriter, Utf8Reader } from "./filter.ts";
export {
  readFrame,
  type ReadFrameOptions,
  readHeader,
  readHeaderBuffer,
  writeFrame,
  writeHeader,
  writeHeaderBuffer,
} from "./frame-io.ts";
export {
  type Duplex,
  handleClientControlMessage,
  handleControlMessage,
  handleServerControlMessage,
  type Message,
  readClientBinary,
  readClientData,
  readClientMessage,
  readClientText,
  readData,
  readMessage,
  type ReadOptions,
  readServerBinary,
  readServerData,
  readServerMessage,
  readServerText,
  writeClientBinary,
  writeClientMessage,
  writeClientText,
  writeMessage,
  writeServerBinary,
  writeServerMessage,
  writeServerText,
} from "./helpers.ts";
export {
  type FrameHandler,
  newClientSideReader,
  newServerSideReader,
  nextReader,
  Reader,
  type ReaderOptions,
} from "./reader.ts";
export { DefaultWriteBuffer, Writer, type WriterOptions } from "./writer.ts";
