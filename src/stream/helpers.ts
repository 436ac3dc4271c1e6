/**
 * One call for one message, on either side: for applications with whole, small messages.
 *
 * @module
 */

import { checkTextOrBytes } from "../arguments.ts";
import { encodeUtf8 } from "../bytes.ts";
import { ClosedError, LimitError, ProtocolError } from "../errors.ts";
import { type State, StateClientSide, StateServerSide } from "../frame/check.ts";
import { newCloseFrameBody } from "../frame/close.ts";
import { checkControlSize, newFrame } from "../frame/frame.ts";
import { MaxControlFramePayloadSize } from "../frame/header.ts";
import { isControl, OpBinary, OpClose, type Opcode, OpText } from "../frame/opcode.ts";
import { decodeUtf8 } from "../frame/utf8.ts";
import type { Awaitable, ByteReader, ByteWriter } from "../io/byte-stream.ts";
import { BytesReader, readAll } from "../io/full.ts";
import { StatusAbnormalClosure } from "../status.ts";
import { ControlHandler } from "./control.ts";
import { defaultMaxSize, writeWhole } from "./frame-io.ts";
import { Reader } from "./reader.ts";

/** A whole message, or a control frame. */
export interface Message {
  /** OpText or OpBinary; for a control frame its own opcode. */
  readonly opcode: Opcode;
  /** Unmasked, and owned by the caller; for text, valid UTF-8. */
  readonly payload: Uint8Array;
}

/** Options of the functions that read. */
export interface ReadOptions {
  /** Payload bytes of one message, at most; control frames do not count. Infinity for no limit. Default: 16 MiB. */
  readonly maxMessageSize?: number | undefined;
}

/** Control frames that are gathered with one message, at most. */
const maxControlFrames = 1024;

/** A stream that messages are read from and answers are written to. */
export type Duplex = ByteReader & ByteWriter;

/** Reads the message, or the control frame, whose first header a Reader has just read. */
async function readWhole(reader: Reader, opcode: Opcode, maxSize: number): Promise<Message> {
  // The option limits messages. A control frame has at most 125 bytes.
  const limit = isControl(opcode) ? MaxControlFramePayloadSize : maxSize;
  return { opcode, payload: await readAll(reader, { maxSize: limit }) };
}

/**
 * Reads the next message. It does not answer control frames but returns them: those inside the message in front of it, and one
 * that comes before a message by itself.
 *
 * From a stream that is not buffered it reads no byte behind the message.
 *
 * @param state This side: StateServerSide or StateClientSide.
 * @returns Control frames, and as the last element the message; an empty array if the stream ends before a frame.
 * @throws {ProtocolError} The peer broke a rule of the protocol; `INVALID_UTF8` is one.
 * @throws {LimitError} `MESSAGE_TOO_BIG`, before the message is gathered; `TOO_MANY_FRAGMENTS`: 1024 control frames inside it
 * @throws {TransportError} `UNEXPECTED_END`
 * @see gobwas ReadMessage
 */
export async function readMessage(
  source: ByteReader,
  state: State,
  { maxMessageSize = defaultMaxSize }: ReadOptions = {},
): Promise<Message[]> {
  const messages: Message[] = [];
  const reader = new Reader(source, state, {
    checkUtf8: true,
    maxMessageSize,
    async onIntermediate({ opcode }, payload) {
      if (messages.length === maxControlFrames) {
        throw new LimitError("TOO_MANY_FRAGMENTS", maxControlFrames, maxControlFrames + 1);
      }
      messages.push({ opcode, payload: await readAll(payload) });
    },
  });
  const header = await reader.nextFrame();
  if (header !== undefined) {
    messages.push(await readWhole(reader, header.opcode, maxMessageSize));
  }
  return messages;
}

/** Reads the next message that a client has sent. @throws As {@link readMessage}. @see gobwas ReadClientMessage */
export function readClientMessage(source: ByteReader, options?: ReadOptions): Promise<Message[]> {
  return readMessage(source, StateServerSide, options);
}

/** Reads the next message that a server has sent. @throws As {@link readMessage}. @see gobwas ReadServerMessage */
export function readServerMessage(source: ByteReader, options?: ReadOptions): Promise<Message[]> {
  return readMessage(source, StateClientSide, options);
}

/**
 * Reads until a message comes, and answers control frames meanwhile.
 *
 * @param state This side: StateServerSide or StateClientSide.
 * @param wanted OpText or OpBinary: messages of the other kind are dropped. Default: both kinds are taken.
 * @throws {ClosedError} The peer has closed: its close frame has been answered, or the stream has ended without a close frame
 * (1006).
 * @throws {ProtocolError} The peer broke a rule of the protocol: a close frame with the error's status has been sent.
 * @throws {LimitError} `MESSAGE_TOO_BIG`: a close frame with 1009 has been sent.
 * @throws {TransportError} `UNEXPECTED_END`, inside a message
 * @see gobwas ReadData
 */
export async function readData(
  stream: Duplex,
  state: State,
  wanted?: Opcode,
  { maxMessageSize = defaultMaxSize }: ReadOptions = {},
): Promise<Message> {
  const reader: Reader = new Reader(stream, state, {
    checkUtf8: true,
    maxMessageSize,
    onIntermediate: (header) => control.handle(header),
  });
  const control: ControlHandler = new ControlHandler({
    src: reader.payload,
    dst: stream,
    state,
    disableSrcCiphering: true,
  });
  try {
    for (;;) {
      const header = await reader.nextFrame();
      if (header === undefined) throw endedWithoutClose();
      if (isControl(header.opcode)) await control.handle(header);
      else if (wanted === undefined || header.opcode === wanted) {
        return await readWhole(reader, header.opcode, maxMessageSize);
      } else await reader.discard();
    }
  } catch (error) {
    if (!control.hasSentClose) await answer(stream, state, error);
    throw error;
  }
}

/** Does _Fail the WebSocket Connection_ (RFC 6455, 7.1.7): sends a close frame that says why, if the peer is to blame. */
async function answer(stream: ByteWriter, state: State, error: unknown): Promise<void> {
  if (!(error instanceof ProtocolError || error instanceof LimitError)) return;
  try {
    await writeWhole(stream, state, OpClose, newCloseFrameBody(error.status, error.message));
  } catch {
    // The caller gets the error that led here: it tells more than the error of this write.
  }
}

function endedWithoutClose(): ClosedError {
  return new ClosedError({
    status: StatusAbnormalClosure,
    reason: "",
    clean: false,
    initiator: "transport",
  });
}

/** Gives the text of a payload that was checked to be UTF-8. */
function toText({ payload }: Message): string {
  return decodeUtf8(payload)!;
}

/** Reads a client's message. @throws As {@link readData}. @see gobwas ReadClientData */
export function readClientData(stream: Duplex, options?: ReadOptions): Promise<Message> {
  return readData(stream, StateServerSide, undefined, options);
}

/** Reads a client's text message; binary messages are dropped. @throws As {@link readData}. @see gobwas ReadClientText */
export async function readClientText(stream: Duplex, options?: ReadOptions): Promise<string> {
  return toText(await readData(stream, StateServerSide, OpText, options));
}

/**
 * Reads a client's binary message; text messages are dropped.
 *
 * @returns The unmasked payload, which the caller owns.
 * @throws As {@link readData}.
 * @see gobwas ReadClientBinary
 */
export async function readClientBinary(stream: Duplex, options?: ReadOptions): Promise<Uint8Array> {
  return (await readData(stream, StateServerSide, OpBinary, options)).payload;
}

/** Reads a server's message. @throws As {@link readData}. @see gobwas ReadServerData */
export function readServerData(stream: Duplex, options?: ReadOptions): Promise<Message> {
  return readData(stream, StateClientSide, undefined, options);
}

/** Reads a server's text message; binary messages are dropped. @throws As {@link readData}. @see gobwas ReadServerText */
export async function readServerText(stream: Duplex, options?: ReadOptions): Promise<string> {
  return toText(await readData(stream, StateClientSide, OpText, options));
}

/**
 * Reads a server's binary message; text messages are dropped.
 *
 * @returns The unmasked payload, which the caller owns.
 * @throws As {@link readData}.
 * @see gobwas ReadServerBinary
 */
export async function readServerBinary(stream: Duplex, options?: ReadOptions): Promise<Uint8Array> {
  return (await readData(stream, StateClientSide, OpBinary, options)).payload;
}

/**
 * Writes a message, or a control frame, as one frame.
 *
 * @param state This side: a client's frame is masked, in a copy.
 * @param payload A string is sent as UTF-8; bytes are lent until the call, or its promise, is done.
 * @throws {TypeError} `payload` is neither a string nor a Uint8Array, or `state` or `opcode` is no number.
 * @throws {RangeError} A control frame has a payload of more than 125 bytes (RFC 6455, 5.5); `state` or `opcode` is out of range.
 * @throws The error of the stream.
 * @see gobwas WriteMessage, which does not check the length
 */
export function writeMessage(
  writer: ByteWriter,
  state: State,
  opcode: Opcode,
  payload: Uint8Array | string,
): Awaitable<void> {
  checkTextOrBytes("payload", payload);
  const bytes = typeof payload === "string" ? encodeUtf8(payload) : payload;
  if (isControl(opcode)) checkControlSize(bytes.length);
  return writeWhole(writer, state, opcode, bytes);
}

/**
 * Writes a server's message.
 *
 * @param payload As for {@link writeMessage}.
 * @throws As {@link writeMessage}.
 * @see gobwas WriteServerMessage
 */
export function writeServerMessage(
  writer: ByteWriter,
  opcode: Opcode,
  payload: Uint8Array | string,
): Awaitable<void> {
  return writeMessage(writer, StateServerSide, opcode, payload);
}

/**
 * Writes a server's text message.
 *
 * @param text As for {@link writeMessage}; bytes must be UTF-8, which is not checked.
 * @throws As {@link writeMessage}.
 * @see gobwas WriteServerText
 */
export function writeServerText(writer: ByteWriter, text: Uint8Array | string): Awaitable<void> {
  return writeMessage(writer, StateServerSide, OpText, text);
}

/**
 * Writes a server's binary message.
 *
 * @param payload As for {@link writeMessage}.
 * @throws As {@link writeMessage}.
 * @see gobwas WriteServerBinary
 */
export function writeServerBinary(writer: ByteWriter, payload: Uint8Array): Awaitable<void> {
  return writeMessage(writer, StateServerSide, OpBinary, payload);
}

/**
 * Writes a client's message.
 *
 * @param payload As for {@link writeMessage}.
 * @throws As {@link writeMessage}.
 * @see gobwas WriteClientMessage
 */
export function writeClientMessage(
  writer: ByteWriter,
  opcode: Opcode,
  payload: Uint8Array | string,
): Awaitable<void> {
  return writeMessage(writer, StateClientSide, opcode, payload);
}

/**
 * Writes a client's text message.
 *
 * @param text As for {@link writeMessage}; bytes must be UTF-8, which is not checked.
 * @throws As {@link writeMessage}.
 * @see gobwas WriteClientText
 */
export function writeClientText(writer: ByteWriter, text: Uint8Array | string): Awaitable<void> {
  return writeMessage(writer, StateClientSide, OpText, text);
}

/**
 * Writes a client's binary message.
 *
 * @param payload As for {@link writeMessage}.
 * @throws As {@link writeMessage}.
 * @see gobwas WriteClientBinary
 */
export function writeClientBinary(writer: ByteWriter, payload: Uint8Array): Awaitable<void> {
  return writeMessage(writer, StateClientSide, OpBinary, payload);
}

/**
 * Answers a control frame from readMessage: a ping with a pong, a close frame with a close frame.
 *
 * @param state This side: StateServerSide or StateClientSide.
 * @throws {TypeError} `message` is not a control frame.
 * @throws {ClosedError} `message` is a close frame: it has been answered.
 * @throws {ProtocolError} `message` is a close frame that breaks a rule: it has been answered with the error's status.
 * @see gobwas HandleControlMessage
 */
export function handleControlMessage(
  writer: ByteWriter,
  state: State,
  { opcode, payload }: Message,
): Promise<void> {
  const { header } = newFrame(opcode, true, payload);
  return new ControlHandler({ src: new BytesReader(payload), dst: writer, state }).handle(header);
}

/** Answers a client's control frame. @throws As {@link handleControlMessage}. @see gobwas HandleClientControlMessage */
export function handleClientControlMessage(writer: ByteWriter, message: Message): Promise<void> {
  return handleControlMessage(writer, StateServerSide, message);
}

/** Answers a server's control frame. @throws As {@link handleControlMessage}. @see gobwas HandleServerControlMessage */
export function handleServerControlMessage(writer: ByteWriter, message: Message): Promise<void> {
  return handleControlMessage(writer, StateClientSide, message);
}
