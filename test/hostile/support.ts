import { concat, encodeUtf8 } from "../../src/bytes.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ServeOptions } from "../../src/connection/serve.ts";

/*
 * Bytes of hostile clients and what a server has to make of them. The builders are written against RFC 6455 alone and
 * use no codec of the library, so that an error there cannot hide itself here.
 */

/** A server that a case needs: where it is the same object, many cases may share one server. */
export interface Setup {
  readonly options?: Partial<ServeOptions>;
  /** Makes handlers anew for each server, since they may count or remember. */
  readonly handlers?: () => ServerHandlers;
  /** HTTP status that a decent client gets. Default: 101. */
  readonly fresh?: number;
}

/** What a server has to make of an input. */
export interface Outcome {
  /** For the name of the test. */
  readonly summary: string;
  /** HTTP status of the response, 0 where there must be none. */
  readonly status: number;
  /** Headers that the response must have, names in lower case; null for one that it must not have. */
  readonly headers: Readonly<Record<string, string | null>>;
  /** What the handlers see, in order. */
  readonly events: readonly string[];
  /** The frames that come back, in order. */
  readonly replies: readonly string[];
  /** Who ends the stream first: where it is the client, the server was content to wait. */
  readonly end: "server" | "client";
}

/** One row of the battery, or one of several for it. */
export interface Case {
  /** Section and number of the row, and a letter where there are several. */
  readonly id: string;
  readonly name: string;
  readonly input: Uint8Array;
  readonly outcome: Outcome;
  readonly setup: Setup;
}

/** A server with nothing set. */
export const plain: Setup = {};

export function row(
  id: string,
  name: string,
  input: Uint8Array,
  outcome: Outcome,
  setup: Setup = plain,
): Case {
  return { id, name, input, outcome, setup };
}

/** Name of a case's test. */
export function titleOf({ id, name, outcome }: Case): string {
  return `${id} ${name} → ${outcome.summary}`;
}

/** Bytes of a text whose characters are all below U+0100. */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** Bytes from hexadecimal digits; blanks are for the reader. */
export function hex(digits: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(digits.replaceAll(" ", "").match(/../g) ?? [], (pair) =>
    parseInt(pair, 16),
  );
}

export const exampleKey = "dGhlIHNhbXBsZSBub25jZQ==";
/** What RFC 6455, 1.3 says to {@link exampleKey}. */
export const exampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const usualHeaders = {
  Host: "localhost",
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": exampleKey,
};

/** Parts of a request that differ from those of a decent one. */
export interface RequestParts {
  readonly line?: string;
  /** Values by name; undefined leaves a header out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Header lines in front of the usual ones, without their ends. */
  readonly before?: readonly string[];
  /** Header lines behind the usual ones, without their ends. */
  readonly more?: readonly string[];
  readonly lineEnd?: string;
}

/** A request's head, a decent one but for what is said, its text in Latin-1. */
export function request({
  line = "GET / HTTP/1.1",
  headers = {},
  before = [],
  more = [],
  lineEnd = "\r\n",
}: RequestParts = {}): Uint8Array<ArrayBuffer> {
  const lines = Object.entries({ ...usualHeaders, ...headers })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  return latin1Bytes([line, ...before, ...lines, ...more, "", ""].join(lineEnd));
}

/** Parts of a frame that differ from those of a decent client's. */
export interface FrameParts {
  readonly fin?: boolean;
  /** 4 is RSV1, 2 is RSV2, 1 is RSV3. */
  readonly rsv?: number;
  readonly masked?: boolean;
  /** Bits of the length field. Default: the shortest that holds the length. */
  readonly form?: 7 | 16 | 64;
  /** The length that the header declares. Default: the payload's. */
  readonly length?: bigint;
}

const maskKey = [0x37, 0xfa, 0x21, 0x3d] as const;

/** A frame as it lies on the wire; a string is its UTF-8. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = "",
  { fin = true, rsv = 0, masked = true, form, length }: FrameParts = {},
): Uint8Array<ArrayBuffer> {
  const data = typeof payload === "string" ? encodeUtf8(payload) : payload;
  const declared = length ?? BigInt(data.length);
  const bits = form ?? (declared < 126n ? 7 : declared < 65_536n ? 16 : 64);
  const lengthBytes = bits === 7 ? 0 : bits / 8;
  const bytes = [
    (fin ? 0x80 : 0) | (rsv << 4) | opcode,
    (masked ? 0x80 : 0) | (bits === 7 ? Number(declared) : bits === 16 ? 126 : 127),
  ];
  for (let i = lengthBytes - 1; i >= 0; i--) bytes.push(Number((declared >> BigInt(8 * i)) & 255n));
  if (masked) bytes.push(...maskKey);
  const body = masked ? data.map((byte, i) => byte ^ maskKey[i % 4]!) : data;
  return concat([Uint8Array.from(bytes), body]);
}

/** A header that declares a payload which does not come. */
export function header(
  opcode: number,
  length: bigint | number,
  parts: FrameParts = {},
): Uint8Array<ArrayBuffer> {
  return frame(opcode, "", { ...parts, length: BigInt(length) });
}

export function text(payload: string | Uint8Array, parts: FrameParts = {}): Uint8Array {
  return frame(0x1, payload, parts);
}

export function binary(payload: string | Uint8Array, parts: FrameParts = {}): Uint8Array {
  return frame(0x2, payload, parts);
}

/** A fragment behind the first one. */
export function continuation(payload: string | Uint8Array, parts: FrameParts = {}): Uint8Array {
  return frame(0x0, payload, parts);
}

export function ping(payload: string | Uint8Array = "", parts: FrameParts = {}): Uint8Array {
  return frame(0x9, payload, parts);
}

export function pong(payload: string | Uint8Array = "", parts: FrameParts = {}): Uint8Array {
  return frame(0xa, payload, parts);
}

/** Body of a close frame. */
export function closeBody(status: number, reason: string | Uint8Array = ""): Uint8Array {
  const tail = typeof reason === "string" ? encodeUtf8(reason) : reason;
  return concat([Uint8Array.of(status >> 8, status & 255), tail]);
}

/** A close frame; without a status its body is empty. */
export function close(status?: number, reason: string | Uint8Array = ""): Uint8Array {
  return frame(0x8, status === undefined ? "" : closeBody(status, reason));
}

/** Not the last fragment of a message. */
export const open: FrameParts = { fin: false };

/** A decent request with frames behind it. */
export function session(...frames: readonly Uint8Array[]): Uint8Array {
  return concat([request(), ...frames]);
}

/** The frames of a message in so many fragments with one payload. */
export function fragments(count: number, opcode: number, payload: string): Uint8Array {
  const middle = continuation(payload, open);
  const parts = Array.from({ length: count }, () => middle);
  parts[0] = frame(opcode, payload, open);
  parts[count - 1] = continuation(payload);
  return concat(parts);
}

/** How data is shown in a trace: itself where it is short, its size and a checksum where not. */
export function show(data: string | Uint8Array): string {
  const isText = typeof data === "string";
  if (isText && data.length <= 128) return JSON.stringify(data);
  const bytes = isText ? encodeUtf8(data) : data;
  if (!isText && bytes.length <= 64) {
    return `[${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ")}]`;
  }
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return `${bytes.length} bytes #${sum >>> 0}`;
}

/** How a message is shown in a trace. */
export function showMessage(data: string | Uint8Array): string {
  return `${typeof data === "string" ? "text" : "binary"} ${show(data)}`;
}

/** How a close frame is shown in a trace. */
export function showClose(status?: number, reason = ""): string {
  if (status === undefined) return "close";
  return `close ${status}${reason === "" ? "" : ` ${JSON.stringify(reason)}`}`;
}

/** What comes beside the end of a connection. */
export interface Exchange {
  readonly messages?: readonly (string | Uint8Array)[];
  readonly replies?: readonly string[];
  /** Of the response. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

/**
 * The request is refused, and the stream ended.
 *
 * @param code Of the error that `refused` gets, and that of its cause where it has one.
 */
export function refused(
  status: number,
  code: string,
  headers: Readonly<Record<string, string | null>> = {},
): Outcome {
  return {
    summary: String(status),
    status,
    headers: { connection: "close", ...headers },
    events: [`refused ${code}`],
    replies: [],
    end: "server",
  };
}

/** The request is waited for until the client ends its stream; then nothing is answered. */
export const unfinished: Outcome = {
  summary: "dropped without a response",
  status: 0,
  headers: {},
  events: ["refused INTERNAL UNEXPECTED_END"],
  replies: [],
  end: "client",
};

function opened(
  summary: string,
  { messages = [], replies = [], headers = {} }: Exchange,
  events: readonly string[],
  end: Outcome["end"],
): Outcome {
  return {
    summary,
    status: 101,
    headers: { "sec-websocket-accept": exampleAccept, ...headers },
    events: ["open", ...messages.map(showMessage), ...events],
    replies,
    end,
  };
}

/** The connection opens, takes all, and is still open when the client ends its stream without a close frame. */
export function accepted(exchange: Exchange = {}): Outcome {
  return opened(
    "accepted",
    exchange,
    ["error UNEXPECTED_END", "close 1006 unclean transport"],
    "client",
  );
}

/** The connection opens, and is failed with `status`. */
export function fails(status: number, code: string, exchange: Exchange = {}): Outcome {
  return opened(
    String(status),
    { ...exchange, replies: [...(exchange.replies ?? []), showClose(status)] },
    [`error ${code}`, "close 1006 unclean peer"],
    "server",
  );
}

/** The connection opens, and the peer's close frame is answered with the same. */
export function echoesClose(status?: number, reason = "", exchange: Exchange = {}): Outcome {
  const seen = showClose(status ?? 1005, reason);
  return opened(
    `echo of ${status ?? "an empty close"}`,
    { ...exchange, replies: [...(exchange.replies ?? []), showClose(status, reason)] },
    [`${seen} clean peer`],
    "server",
  );
}
