/**
 * Messages that are already encoded as the frames of a server.
 *
 * @module
 */

import { concat } from "../../bytes.ts";
import { PreparedMessage } from "../../endpoint/prepared.ts";
import { checkHeader, type State, StateClientSide, StateFragmented } from "../../frame/check.ts";
import { decodeHeader, type Header, newHeader } from "../../frame/header.ts";
import { isControl, OpText } from "../../frame/opcode.ts";
import { webText } from "../../frame/text-codec.ts";
import { isUtf8 } from "../../frame/utf8.ts";
import { type Binary, toBytes } from "../data.ts";

/**
 * Prepares a message from its frames, for example of a broadcast that another library has encoded once. It is sent as one frame,
 * which all connections share, without compression.
 *
 * @param frames One whole message as a server sends it, not masked and without reserved bits: bytes, or pieces of them, cut
 * anywhere. They are copied.
 * @throws {TypeError} They are not bytes, or not the frames of one whole message. If they break a rule of RFC 6455, `cause` says
 * which.
 */
export function prepareFrames(frames: Binary | readonly Binary[]): PreparedMessage {
  const pieces = Array.isArray(frames) ? (frames as readonly Binary[]) : [frames as Binary];
  const expected = "an ArrayBuffer or a view on one, or a list of those";
  const bytes = concat(pieces.map((piece) => toBytes(piece, "frames", expected)));
  const header = newHeader();
  const payloads: Uint8Array[] = [];
  let opcode = OpText;
  let state: State = StateClientSide;
  let at = 0;
  do {
    const start = at + readHeader(header, bytes, at, state);
    at = start + header.length;
    if (at > bytes.length) throw wrong("the last one is cut off");
    if (payloads.length === 0) ({ opcode } = header);
    payloads.push(bytes.subarray(start, at));
    state = StateClientSide | StateFragmented;
  } while (!header.fin);
  if (at < bytes.length) throw wrong("something follows the last one");
  const payload = concat(payloads);
  const isText = opcode === OpText;
  if (isText && !isUtf8(payload, 0, payload.length, webText)) throw wrong("it is not valid UTF-8");
  return new PreparedMessage(payload, false, isText);
}

/** Reads the header of a frame. @returns Size of the header. */
function readHeader(header: Header, bytes: Uint8Array, at: number, state: State): number {
  let size: number;
  try {
    size = decodeHeader(header, bytes, at, bytes.length);
    if (size > 0) checkHeader(header, state);
  } catch (error) {
    throw wrong((error as Error).message, error);
  }
  if (size === 0) throw wrong("the last one is cut off");
  if (isControl(header.opcode)) throw wrong("there is a control frame among them");
  return size;
}

function wrong(why: string, cause?: unknown): TypeError {
  return new TypeError(
    `frames must be those of one whole message, as a server sends it: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
