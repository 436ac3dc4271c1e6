/**
 * A side that a scenario plays itself, frame by frame.
 */

import { compileFrame, maskFrame, newCloseFrameBody, newFrame } from "framewire/frame";
import { upgrade } from "framewire/handshake";
import { readFrame } from "framewire/stream";

/** Writes one frame. @param payload Text, or bytes. */
export function writeRaw(stream, opcode, payload, { masked = false, fin = true } = {}) {
  const bytes = typeof payload === "string" ? new TextEncoder().encode(payload) : payload;
  const frame = newFrame(opcode, fin, bytes);
  return stream.write(compileFrame(masked ? maskFrame(frame) : frame));
}

export function closeBody(status, reason = "") {
  return newCloseFrameBody(status, reason);
}

/** Reads frames up to the end of the stream, notes them, and answers none. */
export async function noteFrames(stream, t) {
  for (;;) {
    const frame = await readFrame(stream);
    if (frame === undefined) break;
    t.note(`frame ${frame.header.opcode} of ${frame.header.length}`);
  }
  t.note("end of stream");
}

/** A server that does the handshake and plays the rest itself. */
export function rawServer(play) {
  return {
    async stream(stream, t) {
      const ws = await upgrade(stream);
      await play(ws, t);
      await ws.close();
    },
  };
}

/** A client that does the handshake and plays the rest itself. */
export function rawClient(play) {
  return async (stage, t) => {
    const ws = await stage.dial();
    await play(ws, t);
    await ws.close();
  };
}
