import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { encodeUtf8 } from "../../src/bytes.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import { ClosedError } from "../../src/errors.ts";
import type { ExtensionSession } from "../../src/extension/extension.ts";
import { PermessageDeflate } from "../../src/flate/permessage-deflate.ts";
import { StateClientSide, StateExtended } from "../../src/frame/check.ts";
import { isControl, OpBinary, OpText } from "../../src/frame/opcode.ts";
import { readAll } from "../../src/io/full.ts";
import { controlFrameHandler } from "../../src/stream/control.ts";
import { Reader } from "../../src/stream/reader.ts";
import { nameOf } from "../hostile/play.ts";
import { toHex } from "../support/frames.ts";
import { TestStream } from "../support/streams.ts";
import { macrotask } from "../support/turns.ts";
import { below, cutUp, type Random } from "./mutate.ts";

/** The same bytes from a server, pulled by a Reader and pushed into an Endpoint: each sees what the other does. */

// A Reader keeps nothing of a fragment, so it counts none.
const limits = { maxMessageSize: 100_000, maxFrameSize: 80_000, maxFragments: Infinity };
const extension = new PermessageDeflate({ engine: zlibEngine() });

function openSession(): ExtensionSession {
  return extension.open({ name: "permessage-deflate", parameters: [] }, StateClientSide)!;
}

/** What somebody saw: the messages, and the code of what ended them, "end" where the input was over before. */
export interface Seen {
  readonly messages: readonly string[];
  readonly end: string;
}

const lineOf = (opcode: number, payload: Uint8Array): string => `${opcode} ${toHex(payload)}`;

/** Reads by a Reader from a stream that gives the input in pieces, at once or later. */
export async function pull(input: Uint8Array, random: Random): Promise<Seen> {
  const stream = new TestStream(cutUp(input, random, 8), { later: () => below(2, random) === 0 });
  const session = openSession();
  const control = controlFrameHandler(stream, StateClientSide);
  const reader = new Reader(stream, StateClientSide | StateExtended, {
    ...limits,
    extensions: [session.recv!],
    checkUtf8: true,
    onIntermediate: control,
  });
  const messages: string[] = [];
  try {
    for (let header; (header = await reader.nextFrame()) !== undefined;) {
      if (isControl(header.opcode)) await control(header, reader.payload);
      else messages.push(lineOf(header.opcode, await readAll(reader)));
    }
    return { messages, end: "end" };
  } catch (error) {
    if (error instanceof ClosedError) return { messages, end: `closed ${error.status}` };
    const code = nameOf(error);
    return { messages, end: code === "UNEXPECTED_END" ? "end" : code };
  } finally {
    session.close?.();
  }
}

/** Pushes the input into an Endpoint, piece by piece. */
export async function push(input: Uint8Array, random: Random): Promise<Seen> {
  const messages: string[] = [];
  let end = "end";
  const endpoint = new Endpoint(
    "client",
    {
      onText: (data) => void messages.push(lineOf(OpText, encodeUtf8(data))),
      onBinary: (bytes, from, to) => void messages.push(lineOf(OpBinary, bytes.subarray(from, to))),
      onPing() {},
      onPong() {},
      onFail: (error) => (end = nameOf(error)),
      onResume() {},
      onOutput() {},
    },
    { extensions: [openSession()], ...limits },
  );
  for (const piece of cutUp(input, random, 8)) {
    for (let at = endpoint.receive(piece); at < piece.length;) {
      if (endpoint.isClosed) break;
      await macrotask();
      if (!endpoint.isBusy) at = endpoint.receive(piece, at);
    }
  }
  while (endpoint.isBusy) await macrotask();
  const { clean, status } = endpoint.closure;
  if (end === "end" && clean) end = `closed ${status}`;
  endpoint.fail(undefined, 0, "local");
  return { messages, end };
}
