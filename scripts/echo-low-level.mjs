/**
 * The echo server of the low level: the frame decoder and a stream, with buffers of its own and no message ever whole.
 *
 * Frames come back as they came, fragments as fragments. One that is larger than a chunk comes back in several, so that
 * each is complete before it is sent: a close frame is never in the middle of another one.
 */

import { listen } from "framewire/auto";
import {
  checkCloseFrameData,
  checkHeader,
  encodeHeader,
  FrameDecoder,
  isControl,
  isFragmented,
  MaxHeaderSize,
  newCloseFrameBody,
  newHeader,
  OpClose,
  OpContinuation,
  OpPing,
  OpPong,
  OpText,
  parseCloseFrameData,
  ProtocolError,
  StateFragmented,
  StateServerSide,
  Utf8Validator,
} from "framewire/frame";
import { Upgrader } from "framewire/handshake";
import { headerText } from "framewire/http";
import { LimitError, writeAll } from "framewire/stream";

const upgrader = new Upgrader({
  // The first subprotocol that is offered, whichever it is.
  protocol: (name) => headerText(name) !== "",
});

/** Bytes that are read at a time. */
const chunkSize = 64 * 1024;

/** Frames that are owed, one behind the other; the last one may be under way. */
class Replies {
  // One that is under way, less than a chunk of it, and what the next chunk asks for: less than itself, as it is masked.
  #bytes = new Uint8Array(2 * (MaxHeaderSize + chunkSize));
  #header = newHeader();
  /** Where the last frame begins, or the next one; where its payload does; where that ends as yet. */
  #frame = 0;
  #payload = 0;
  #end = 0;

  /** Begins a frame; one that is under way is forgotten. */
  begin(opcode, fin, length) {
    Object.assign(this.#header, { opcode, fin, length });
    this.#payload = this.#frame + encodeHeader(this.#header, this.#bytes, this.#frame);
    this.#end = this.#payload;
  }

  add(bytes, start, end) {
    this.#bytes.set(bytes.subarray(start, end), this.#end);
    this.#end += end - start;
  }

  /** What has come of the payload under way. */
  get payload() {
    return this.#bytes.subarray(this.#payload, this.#end);
  }

  complete() {
    this.#frame = this.#end;
  }

  /** Makes a fragment of what has come of a large frame. */
  #cut() {
    const { opcode, fin, length } = this.#header;
    const end = this.#end;
    const size = end - this.#payload;
    // The header is as long as before: both lengths take 64 bits.
    this.begin(opcode, false, size);
    this.#frame = end;
    this.begin(OpContinuation, fin, length - size);
  }

  /** Sends all that is complete. */
  async sendTo(stream) {
    const isUnderWay = this.#end > this.#frame;
    if (isUnderWay && this.#end - this.#payload >= chunkSize) this.#cut();
    await writeAll(stream, this.#bytes.subarray(0, this.#frame));
    this.#bytes.copyWithin(0, this.#frame, this.#end);
    this.#payload -= this.#frame;
    this.#end -= this.#frame;
    this.#frame = 0;
  }
}

/** What a server owes to its peer's frames, by RFC 6455. It is what a FrameDecoder tells of them. */
class Echo {
  replies = new Replies();
  /** Whether a close frame is the last of the replies. */
  isOver = false;
  #decoder = new FrameDecoder(this);
  #state = StateServerSide;
  #opcode = OpContinuation;
  #isText = false;
  #utf8 = new Utf8Validator();
  #messageSize = 0;
  #maxMessageSize;

  constructor(maxMessageSize) {
    this.#maxMessageSize = maxMessageSize;
  }

  receive(chunk) {
    try {
      this.#decoder.feed(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError || error instanceof LimitError)) throw error;
      this.#close(newCloseFrameBody(error.status));
    }
  }

  frameHeader(header) {
    checkHeader(header, this.#state);
    const { opcode, fin, length } = header;
    this.#opcode = opcode;
    if (!isControl(opcode)) this.#countFragment(header);
    if (opcode !== OpPong) this.replies.begin(opcode === OpPing ? OpPong : opcode, fin, length);
  }

  #countFragment({ opcode, fin, length }) {
    if (opcode !== OpContinuation) {
      this.#isText = opcode === OpText;
      this.#messageSize = 0;
    }
    this.#state = fin ? StateServerSide : StateServerSide | StateFragmented;
    this.#messageSize += length;
    if (this.#messageSize > this.#maxMessageSize) {
      throw new LimitError("MESSAGE_TOO_BIG", this.#maxMessageSize, this.#messageSize);
    }
  }

  framePayload(bytes, start, end) {
    if (this.#opcode === OpPong) return;
    const isText = this.#isText && !isControl(this.#opcode);
    if (isText && !this.#utf8.write(bytes, start, end)) throw new ProtocolError("INVALID_UTF8");
    this.replies.add(bytes, start, end);
  }

  frameEnd() {
    if (this.#opcode === OpPong) return;
    if (this.#opcode === OpClose) return this.#answerClose(this.replies.payload);
    const isMessageEnd = !isControl(this.#opcode) && !isFragmented(this.#state);
    // Cut off inside a character.
    if (isMessageEnd && !this.#utf8.isComplete) throw new ProtocolError("INVALID_UTF8");
    this.replies.complete();
  }

  #answerClose(body) {
    const { status } = parseCloseFrameData(body);
    if (body.length > 0) checkCloseFrameData(status);
    this.#close(body.slice());
  }

  /** Closes with a body; what comes behind is not read any more. */
  #close(body) {
    this.replies.begin(OpClose, true, body.length);
    this.replies.add(body, 0, body.length);
    this.replies.complete();
    this.isOver = true;
    this.#decoder.stop();
  }
}

/** Echoes until the closing handshake, or the end of the peer's stream. */
async function serve(stream, maxMessageSize) {
  const echo = new Echo(maxMessageSize);
  const chunk = new Uint8Array(chunkSize);
  while (!echo.isOver) {
    const count = await stream.read(chunk);
    if (count === 0) return;
    echo.receive(chunk.subarray(0, count));
    await echo.replies.sendTo(stream);
  }
}

async function handle(conn, maxMessageSize) {
  try {
    await serve(await upgrader.upgrade(conn), maxMessageSize);
  } catch (error) {
    // One with a code is the peer's fault, or the network's: whom that concerns has been told.
    if (error.code === undefined) console.error(error);
  } finally {
    await conn.close();
  }
}

/** Listens; gives the port, and a function that stops. */
export async function listenLowLevel(options, maxMessageSize = Infinity) {
  const listener = await listen(options);
  void (async () => {
    for await (const conn of listener) void handle(conn, maxMessageSize);
  })();
  return { port: listener.port, stop: () => listener.close() };
}
