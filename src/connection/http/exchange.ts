/**
 * One plain HTTP request and its answer, with their deadlines (RFC 9112).
 *
 * Theory of operation. The server's side of the handshake has read the head, and lends the connection to this exchange. The
 * exchange reads the body, asks the hook, and sends the answer. Then it gives the connection back, with the bytes after the
 * request. They may be the next request, of any kind.
 *
 * @module
 */

import { encodeUtf8, noBytes, viewOf, writeLatin1 } from "../../bytes.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import { isPromise, whenSettled } from "../../deferred.ts";
import { connectionLost, HandshakeError, TimeoutError } from "../../errors.ts";
import { returnBuffer } from "../../endpoint/pool.ts";
import { BoundedBuffer } from "../../extension/bounded-buffer.ts";
import type { Peer } from "../../handshake/server/peer.ts";
import { abandon } from "../../handshake/server/upgrade-request.ts";
import type { BodyFraming } from "../../http/body.ts";
import type { Head } from "../../http/head.ts";
import type { Transport, TransportHandler } from "../../transport.ts";
import { type Answer, type AnswerFraming, framingOf, isWhole, writeAnswer } from "./answer.ts";
import type { BodySource } from "./body-source.ts";
import type { HttpSettings } from "./settings.ts";
import { RequestBody, type RequestBodyEvents } from "./request-body.ts";
import { HttpRequest } from "./request.ts";

/** The server's side of the handshake, which lends the connection. */
export interface ExchangeOwner {
  readonly transport: Transport;
  readonly deadlines: Deadlines;
  readonly http: HttpSettings;
  /** Milliseconds for the hook's answer. In each such time the body must also make progress. */
  readonly handshakeTimeout: number;
  /** Number of requests that may still follow on the connection. */
  readonly requestsLeft: number;
  /** The answer was sent, and another request may follow. @param rest Bytes of it that have already come. */
  onAnswered(rest: Uint8Array, hasPeerEnded: boolean): void;
  /** The answer was sent, and no request may follow. */
  onLastAnswered(): void;
  /** The request must be refused. Nothing was sent. */
  onRefused(error: unknown): void;
  /** The connection was dropped in the middle of an answer, or was lost. */
  onFailed(error: unknown): void;
  /** The transport is closed. */
  onGone(): void;
}

/** A request that was read. */
export interface AskedRequest {
  readonly head: Head;
  readonly framing: BodyFraming;
  /** The client behind trusted proxies; undefined if it is the other end of the socket. */
  readonly peer: Peer | undefined;
}

/** Answers a request. */
export interface Answerer {
  /** Asks for the answer, in the answerer's own form. Gives the answer or a promise. */
  ask(request: HttpRequest): unknown;
  /** Converts the result of `ask` into an answer. @throws The answer cannot be sent. */
  answerOf(given: unknown): Answer;
  /** Whether the answer must come within `handshakeTimeout`. */
  readonly isTimed: boolean;
}

/*
 * deciding: the hook is asked. answering: the answer is being sent. dropped: the socket was destroyed, and its end will follow.
 * over: the connection was given back, or is closed.
 */
type Phase = "deciding" | "answering" | "dropped" | "over";

/**
 * Why the transport is paused, if it is: "byBody" because the hook does not read the body, "byEarly" because too many bytes have
 * come after the request.
 */
type HeldBack = "no" | "byBody" | "byEarly";

/** Number of bytes after the request that a peer may send. Then framewire stops reading. */
const mostEarly = 16 * 1024;

const close = "Connection: close\r\n";
const continueBytes: Uint8Array = /* @__PURE__ */ encodeUtf8("HTTP/1.1 100 Continue\r\n\r\n");
const lastChunk: Uint8Array = /* @__PURE__ */ encodeUtf8("0\r\n\r\n");

/** A request and its answer. It gets the events of the body itself: an object with functions of its own cost garbage. */
export class HttpExchange implements TransportHandler, RequestBodyEvents {
  readonly #owner: ExchangeOwner;
  readonly #transport: Transport;
  readonly #head: Head;
  readonly #body: RequestBody;
  /** Whether the client waits with its body until it is asked for. */
  readonly #isContinueExpected: boolean;
  readonly #answerer: Answerer;
  readonly request: HttpRequest;
  #phase: Phase = "deciding";
  /** The deadline of the hook's answer, and then of each write. */
  #deadline: Deadline | undefined;
  /** The deadline of the body. */
  #bodyDeadline: Deadline | undefined;
  // Number of the body's bytes at the last check of its deadline; 0 before the first check, so that the bytes beside the head count.
  #lastReceived = 0;
  /** Bytes after the request. */
  #early: BoundedBuffer | undefined;
  #heldBack: HeldBack = "no";
  #hasPeerEnded = false;
  /** Whether another request may follow the answer, as far as is known. */
  #isKept: boolean;
  /** Called when the transport has taken a write. */
  #afterWrite: (() => void) | undefined;
  #source: BodySource | undefined;

  /**
   * Checks a request.
   *
   * @param asked A request that has passed its checks. Its head is retained.
   * @param answererOf Finds the answerer. Its error is thrown on.
   * @throws {LimitError} `BODY_TOO_LARGE`
   * @throws {HandshakeError} `BAD_BODY`: 417 for an unknown Expect header.
   */
  constructor(
    owner: ExchangeOwner,
    { head, framing, peer }: AskedRequest,
    answererOf: (request: HttpRequest) => Answerer,
  ) {
    this.#owner = owner;
    this.#transport = owner.transport;
    this.#head = head;
    this.#isContinueExpected = expectsContinue(head);
    this.#body = new RequestBody(framing, owner.http.maxBodySize, this);
    this.request = new HttpRequest(head, owner.transport, this.#body, peer);
    this.#isKept = owner.requestsLeft > 0 && head.minor > 0 && !saysClose(head);
    this.#answerer = answererOf(this.request);
  }

  /**
   * Takes over the connection, with the bytes after the head.
   *
   * @returns Index in `chunk` from which the bytes belong to the owner again. It is the end of the chunk if the exchange keeps
   * them.
   */
  begin(chunk: Uint8Array, start: number): number {
    this.#transport.handler = this;
    const at = this.#feed(chunk, start);
    if (this.#phase !== "deciding") return chunk.length;
    this.#ask();
    if (this.#isOver) return at;
    if (!this.#body.isComplete) this.#watchBody();
    else if (this.#phase === "deciding") this.#waitForAnswer();
    this.#keepEarly(chunk, at);
    return chunk.length;
  }

  /** Whether the connection was given back. */
  get #isOver(): boolean {
    return this.#phase === "over";
  }

  onData(chunk: Uint8Array): void {
    if (this.#phase === "dropped") return;
    if (this.#body.isComplete) {
      this.#keepEarly(chunk, 0);
      return;
    }
    const at = this.#feed(chunk, 0);
    if (!this.#body.isComplete) return;
    this.#bodyDeadline?.cancel();
    if (this.#phase === "deciding") this.#waitForAnswer();
    this.#keepEarly(chunk, at);
  }

  onFull(): void {
    this.#holdBack("byBody");
  }

  onRoom(): void {
    if (this.#heldBack === "byBody") this.#letOn();
  }

  onWanted(): void {
    if (this.#isContinueExpected && this.#phase === "deciding") this.#write(continueBytes, nothing);
  }

  onDrain(): void {
    const then = this.#afterWrite;
    this.#afterWrite = undefined;
    if (this.#phase === "answering") this.#deadline?.cancel();
    then?.();
  }

  onEnd(): void {
    this.#hasPeerEnded = true;
    if (this.#phase === "dropped") return;
    const lost = connectionLost(undefined);
    // The peer may still read the answer. So it gets one, unless the request is incomplete.
    if (this.#body.isComplete) abandon(this.request, lost);
    else this.#failAll(lost);
  }

  onClose(error?: Error): void {
    if (this.#phase !== "dropped") {
      const lost = connectionLost(error);
      abandon(this.request, lost);
      if (this.#phase === "deciding") this.#owner.onFailed(lost);
      this.#end(lost);
    }
    this.#phase = "over";
    this.#owner.onGone();
  }

  /** The hook that is asked. */
  get hook(): "http" {
    return "http";
  }

  /** Makes this request the last one of its connection. */
  shut(): void {
    this.#isKept = false;
  }

  /** The time for the answer is over. The hook was too slow, not the peer. */
  expire(): void {
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", this.#owner.handshakeTimeout);
    this.#fail(new HandshakeError("INTERNAL", { status: 503, cause }));
    abandon(this.request, cause);
  }

  /** Drops the connection. @param reason The error for those who wait for the request or its answer. */
  drop(reason: Error): void {
    if (this.#phase === "dropped" || this.#phase === "over") return;
    abandon(this.request, reason);
    this.#drop(reason);
  }

  /** Takes bytes of the body. Malformed bytes refuse the request. */
  #feed(chunk: Uint8Array, start: number): number {
    try {
      return this.#body.feed(chunk, start);
    } catch (error) {
      this.#failAll(error as Error);
      return chunk.length;
    }
  }

  /** Keeps bytes after the request. They belong to the next one, which is read after this one is answered. */
  #keepEarly(chunk: Uint8Array, start: number): void {
    if (start === chunk.length) return;
    const early = (this.#early ??= new BoundedBuffer());
    early.add(chunk, start, chunk.length);
    if (early.size > mostEarly) this.#holdBack("byEarly");
  }

  #ask(): void {
    try {
      const given = this.#answerer.ask(this.request);
      if (!isPromise(given)) {
        this.#answer(given);
        return;
      }
      whenSettled(
        given,
        (value) => {
          try {
            this.#answer(value);
          } catch (error) {
            this.#fail(error);
          }
        },
        (error) => {
          this.#fail(error);
        },
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Begins to send the hook's answer, unless nobody waits for it any more. */
  #answer(given: unknown): void {
    const answer = this.#answerer.answerOf(given);
    const source = isWhole(answer.body) ? undefined : answer.body;
    if (this.#phase !== "deciding") {
      source?.cancel(undefined);
      return;
    }
    const framing = framingOf(answer, this.#head.isMethod("HEAD"), this.#head.minor > 0);
    // If the rest of the request has not come yet, it is read and dropped, unless the answer is made from it.
    const mayBeKept = this.#body.isComplete || source !== undefined;
    this.#isKept &&= mayBeKept && framing !== "close";
    const connection = this.#isKept ? this.#owner.http.keepAlive : close;
    const { buffer, size } = writeAnswer(answer, framing, connection);
    const bytes = viewOf(buffer, 0, size);
    this.#deadline?.cancel();
    this.#phase = "answering";
    if (source === undefined || framing === "none") {
      source?.cancel(undefined);
      this.#write(bytes, () => {
        // A connection that was dropped may still hold the bytes.
        if (this.#phase !== "answering") return;
        returnBuffer(buffer);
        this.#finish();
      });
      return;
    }
    this.#source = source;
    void this.#stream(bytes, source, framing, answer.length);
  }

  /** Sends a body piece by piece. The next piece is asked for when the previous one was taken. */
  async #stream(
    head: Uint8Array,
    source: BodySource,
    framing: AnswerFraming,
    length = Infinity,
  ): Promise<void> {
    let left = length;
    try {
      await this.#sent(head);
      for (;;) {
        const piece = await source.next();
        if (this.#phase !== "answering") return;
        if (piece === undefined) break;
        left -= piece.length;
        if (left < 0) throw new RangeError(`Body is longer than its Content-Length: ${length}`);
        if (piece.length > 0) await this.#sent(framing === "chunked" ? chunkOf(piece) : piece);
      }
      if (left > 0 && left < Infinity) {
        throw new RangeError(`Body is shorter than its Content-Length: ${length}`);
      }
    } catch (error) {
      this.#fail(error);
      return;
    }
    this.#source = undefined;
    if (framing === "chunked") await this.#sent(lastChunk);
    this.#finish();
  }

  /** Sends bytes. Resolves when they are taken, or can no longer be sent. */
  #sent(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#write(bytes, resolve);
    });
  }

  /** Writes bytes, after a write that is in progress. */
  #write(bytes: Uint8Array, then: () => void): void {
    const before = this.#afterWrite;
    if (before !== undefined) {
      this.#afterWrite = () => {
        before();
        // At the end of the exchange the transport may still hold the bytes in front.
        if (this.#isOver) then();
        else this.#write(bytes, then);
      };
      // Only an answer comes behind another write, a 100 Continue.
      this.#waitForDrain(bytes.length);
    } else if (this.#transport.write(bytes)) {
      then();
    } else {
      this.#afterWrite = then;
      if (this.#phase === "answering") this.#waitForDrain(bytes.length);
    }
  }

  #finish(): void {
    if (this.#phase !== "answering") return;
    const isKept = this.#isKept && this.#body.isComplete;
    this.#body.answered();
    this.#end(undefined);
    this.#letOn();
    if (isKept) this.#owner.onAnswered(this.#early?.take() ?? noBytes, this.#hasPeerEnded);
    else this.#owner.onLastAnswered();
  }

  /** The request itself has failed. */
  #failAll(error: Error): void {
    abandon(this.request, error);
    this.#fail(error);
  }

  /** Refuses the request if nothing was sent for it. Otherwise drops the connection. */
  #fail(error: unknown): void {
    const phase = this.#phase;
    if (phase === "dropped" || phase === "over") return;
    const hasLeft = this.#hasPeerEnded && !this.#body.isComplete;
    if (phase === "answering" || hasLeft || this.#afterWrite !== undefined) {
      this.#owner.onFailed(error);
      this.#drop(error);
      return;
    }
    this.#end(error);
    this.#letOn();
    this.#owner.onRefused(error);
  }

  #drop(reason: unknown): void {
    this.#end(reason);
    this.#phase = "dropped";
    this.#transport.destroy();
  }

  /** Ends everything that is in progress. @param reason The error for a failed request. */
  #end(reason: unknown): void {
    this.#phase = "over";
    this.#deadline?.cancel();
    this.#bodyDeadline?.cancel();
    this.#body.fail(reason);
    this.#source?.cancel(reason);
    this.#source = undefined;
    const then = this.#afterWrite;
    this.#afterWrite = undefined;
    then?.();
  }

  #waitForAnswer(): void {
    if (!this.#answerer.isTimed) return;
    const { deadlines, handshakeTimeout } = this.#owner;
    this.#deadline = deadlines.after(handshakeTimeout, () => {
      this.expire();
    });
  }

  /** @param size Number of bytes that are being sent to the client. */
  #waitForDrain(size: number): void {
    const { deadlines, handshakeTimeout, http } = this.#owner;
    this.#deadline = deadlines.after(handshakeTimeout + size * http.lifeOfByte, () => {
      this.#failAll(new TimeoutError("HANDSHAKE_TIMEOUT", handshakeTimeout));
    });
  }

  /** Makes sure that a body that is being read makes progress. */
  #watchBody(): void {
    const { deadlines, handshakeTimeout, http } = this.#owner;
    this.#bodyDeadline = deadlines.after(handshakeTimeout, () => {
      const { received } = this.#body;
      const moved = received - this.#lastReceived;
      this.#lastReceived = received;
      if (this.#heldBack === "byBody") {
        if (this.#phase === "deciding" && this.#answerer.isTimed) this.expire();
        else this.#watchBody();
      } else if (moved * http.lifeOfByte < handshakeTimeout) {
        this.#failAll(new TimeoutError("HANDSHAKE_TIMEOUT", handshakeTimeout));
      } else {
        this.#watchBody();
      }
    });
  }

  #holdBack(by: HeldBack): void {
    if (this.#heldBack === "no") this.#transport.pause();
    this.#heldBack = by;
  }

  #letOn(): void {
    if (this.#heldBack === "no") return;
    this.#heldBack = "no";
    this.#transport.resume();
  }
}

function nothing(): void {}

/** Tells whether a request says that it is the last one on its connection. */
function saysClose(head: Head): boolean {
  return /(?:^|,)[ \t]*close[ \t]*(?:,|$)/i.test(head.get("connection") ?? "");
}

/** Tells whether the client waits with its body until it is asked for. @throws {HandshakeError} It expects something else. */
function expectsContinue(head: Head): boolean {
  const expected = head.get("expect");
  if (expected === undefined || head.minor === 0) return false;
  if (expected.toLowerCase() === "100-continue") return true;
  throw new HandshakeError("BAD_BODY", {
    message: "Expect knows 100-continue alone",
    status: 417,
  });
}

/** Writes one chunk of the chunked coding (RFC 9112, 7.1). */
function chunkOf(piece: Uint8Array): Uint8Array {
  const size = piece.length.toString(16);
  const chunk = new Uint8Array(size.length + piece.length + 4);
  writeLatin1(chunk, 0, `${size}\r\n`);
  chunk.set(piece, size.length + 2);
  writeLatin1(chunk, chunk.length - 2, "\r\n");
  return chunk;
}
