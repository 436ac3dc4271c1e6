/**
 * One plain request of HTTP and its answer, in time: the body comes, the hook is asked, the answer goes (RFC 9112).
 *
 * The connection is lent to it by the server's side of the handshake, which has read the head, and gets it back with what has come
 * behind the request: the next request, of whatever kind.
 *
 * @module
 */

import { encodeUtf8, noBytes, writeLatin1 } from "../../bytes.ts";
import type { Deadline, Deadlines } from "../../clock.ts";
import { isPromise, whenSettled } from "../../deferred.ts";
import { connectionLost, HandshakeError, TimeoutError } from "../../errors.ts";
import { BoundedBuffer } from "../../extension/bounded-buffer.ts";
import type { Peer } from "../../handshake/server/peer.ts";
import { abandon } from "../../handshake/server/upgrade-request.ts";
import type { BodyFraming } from "../../http/body.ts";
import type { Head } from "../../http/head.ts";
import type { Transport, TransportHandler } from "../../transport.ts";
import { type Answer, type AnswerFraming, framingOf, writeAnswer } from "./answer.ts";
import type { BodySource } from "./body-source.ts";
import type { HttpSettings } from "./settings.ts";
import { RequestBody } from "./request-body.ts";
import { HttpRequest } from "./request.ts";

/** The lender of a connection: the server's side of the handshake. */
export interface ExchangeOwner {
  readonly transport: Transport;
  readonly deadlines: Deadlines;
  readonly http: HttpSettings;
  /** Milliseconds for the hook's answer; and in each so many the body must move. */
  readonly handshakeTimeout: number;
  /** Requests that may still come behind this one. */
  readonly requestsLeft: number;
  /** The answer has been sent, and another request may come. @param rest What has come of it. */
  onAnswered(rest: Uint8Array, hasPeerEnded: boolean): void;
  /** The answer has been sent, and was the last one. */
  onLastAnswered(): void;
  /** Nothing has been sent, and the request is to be refused. */
  onRefused(error: unknown): void;
  /** The connection has been dropped in the middle of an answer, or was lost. */
  onFailed(error: unknown): void;
  /** The transport is closed. */
  onGone(): void;
}

/** A request as it was read. */
export interface AskedRequest {
  readonly head: Head;
  readonly framing: BodyFraming;
  /** The client behind trusted proxies; undefined for who is at the socket. */
  readonly peer: Peer | undefined;
}

/** Who answers a request. */
export interface Answerer {
  /** Gives the answer in terms of its own, or a promise of it. */
  ask(request: HttpRequest): unknown;
  /** Makes what is to be sent of it. @throws It cannot be sent. */
  answerOf(given: unknown): Answer;
  /** Whether it has to come within the time that all hooks have. */
  readonly isTimed: boolean;
}

/*
 * deciding: the hook is asked. answering: the answer is on its way. dropped: the socket was destroyed, and its end is to come.
 * over: the connection is somebody else's again.
 */
type Phase = "deciding" | "answering" | "dropped" | "over";

/** Why the transport is paused, if it is: nobody reads the body, or much has come behind it. */
type HeldBack = "no" | "byBody" | "byEarly";

/** Bytes behind the request that a peer may send before it is held back. */
const mostEarly = 16 * 1024;

const close = "Connection: close\r\n";
const continueBytes: Uint8Array = /* @__PURE__ */ encodeUtf8("HTTP/1.1 100 Continue\r\n\r\n");
const lastChunk: Uint8Array = /* @__PURE__ */ encodeUtf8("0\r\n\r\n");

/** A request, and what is made of it. */
export class HttpExchange implements TransportHandler {
  readonly #owner: ExchangeOwner;
  readonly #transport: Transport;
  readonly #head: Head;
  readonly #body: RequestBody;
  readonly #answerer: Answerer;
  readonly request: HttpRequest;
  #phase: Phase = "deciding";
  /** For the hook's answer, and then for each write of it. */
  #deadline: Deadline | undefined;
  /** For the body. */
  #bodyDeadline: Deadline | undefined;
  // Bytes of the body that had come when its time was looked at last.
  #lastReceived = 0;
  /** What has come behind the request. */
  #early: BoundedBuffer | undefined;
  #heldBack: HeldBack = "no";
  #hasPeerEnded = false;
  /** Whether another request may come behind the answer, as far as is known. */
  #isKept: boolean;
  /** What is done when the transport has taken a write. */
  #afterWrite: (() => void) | undefined;
  #source: BodySource | undefined;

  /**
   * Looks at a request.
   *
   * @param asked A request that was checked, its head retained.
   * @param answererOf Finds who answers. What it throws is thrown.
   * @throws {LimitError} `BODY_TOO_LARGE`
   * @throws {HandshakeError} `BAD_BODY`: 417 for an Expect that is not known.
   */
  constructor(
    owner: ExchangeOwner,
    { head, framing, peer }: AskedRequest,
    answererOf: (request: HttpRequest) => Answerer,
  ) {
    this.#owner = owner;
    this.#transport = owner.transport;
    this.#head = head;
    const isContinueExpected = expectsContinue(head);
    this.#body = new RequestBody(framing, owner.http.maxBodySize, {
      onFull: () => {
        this.#holdBack("byBody");
      },
      onRoom: () => {
        if (this.#heldBack === "byBody") this.#letOn();
      },
      onWanted: () => {
        if (isContinueExpected && this.#phase === "deciding") this.#write(continueBytes, nothing);
      },
    });
    this.request = new HttpRequest(head, owner.transport, this.#body, peer);
    this.#isKept = owner.requestsLeft > 0 && head.minor > 0 && !saysClose(head);
    this.#answerer = answererOf(this.request);
  }

  /**
   * Takes over the connection, with what has come behind the head.
   *
   * @returns Index in `chunk` from which on the bytes are the owner's again: its end, where the exchange keeps them.
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

  /** Whether the connection is the owner's again. */
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
    // It may still read the answer, and gets one, unless there is no whole request to answer.
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

  /** The function that is asked. */
  get hook(): "http" {
    return "http";
  }

  /** Sees to it that no other request comes behind this one. */
  shut(): void {
    this.#isKept = false;
  }

  /** The time for the answer is over. It is the hook that is late, not the peer. */
  expire(): void {
    const cause = new TimeoutError("HANDSHAKE_TIMEOUT", this.#owner.handshakeTimeout);
    this.#fail(new HandshakeError("INTERNAL", { status: 503, cause }));
    abandon(this.request, cause);
  }

  /** Drops the connection. @param reason What those are told that still wait for something of it. */
  drop(reason: Error): void {
    if (this.#phase === "dropped" || this.#phase === "over") return;
    abandon(this.request, reason);
    this.#drop(reason);
  }

  /** Takes bytes of the body; what is wrong with them refuses the request. */
  #feed(chunk: Uint8Array, start: number): number {
    try {
      return this.#body.feed(chunk, start);
    } catch (error) {
      this.#failAll(error as Error);
      return chunk.length;
    }
  }

  /** Keeps what comes behind the request: it is another one's, and is looked at when this one is answered. */
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

  /** Begins to send what the hook has answered, unless nobody waits for it any more. */
  #answer(given: unknown): void {
    const answer = this.#answerer.answerOf(given);
    const source = answer.body instanceof Uint8Array ? undefined : answer.body;
    if (this.#phase !== "deciding") {
      source?.cancel(undefined);
      return;
    }
    const framing = framingOf(answer, this.#head.isMethod("HEAD"), this.#head.minor > 0);
    // What has not come of the request by now is read and dropped, unless the answer is made of it.
    const mayBeKept = this.#body.isComplete || source !== undefined;
    this.#isKept &&= mayBeKept && framing !== "close";
    const bytes = writeAnswer(answer, framing, this.#isKept ? this.#owner.http.keepAlive : close);
    this.#deadline?.cancel();
    this.#phase = "answering";
    if (source === undefined || framing === "none") {
      source?.cancel(undefined);
      this.#write(bytes, () => {
        this.#finish();
      });
      return;
    }
    this.#source = source;
    void this.#stream(bytes, source, framing, answer.length);
  }

  /** Sends a body piece by piece: the next one is asked for when the one before has been taken. */
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

  /** Sends bytes; resolves when they are taken, or nobody will take them any more. */
  #sent(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#write(bytes, resolve);
    });
  }

  /** Writes, behind a write that is under way. */
  #write(bytes: Uint8Array, then: () => void): void {
    const before = this.#afterWrite;
    if (before !== undefined) {
      this.#afterWrite = () => {
        before();
        this.#write(bytes, then);
      };
    } else if (this.#transport.write(bytes)) {
      then();
    } else {
      this.#afterWrite = then;
      if (this.#phase === "answering") this.#waitForDrain(bytes.length);
    }
  }

  /** The whole answer has been sent. */
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

  /** The request is refused where nothing has been sent for it, else the connection is dropped. */
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

  /** Ends all that is under way. @param reason Why it comes to nothing, where it does. */
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

  /** @param size Bytes that are on their way to the client. */
  #waitForDrain(size: number): void {
    const { deadlines, handshakeTimeout, http } = this.#owner;
    this.#deadline = deadlines.after(handshakeTimeout + size * http.lifeOfByte, () => {
      this.#failAll(new TimeoutError("HANDSHAKE_TIMEOUT", handshakeTimeout));
    });
  }

  /** Sees to it that a body which is read moves on. */
  #watchBody(): void {
    const { deadlines, handshakeTimeout, http } = this.#owner;
    this.#lastReceived = this.#body.received;
    this.#bodyDeadline = deadlines.after(handshakeTimeout, () => {
      const moved = this.#body.received - this.#lastReceived;
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

/** Tells whether a request says that it is the last one of its connection. */
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
