import { concat, encodeUtf8 } from "../../src/bytes.ts";
import type { ClientOptions } from "../../src/connection/client/connect.ts";
import type { ServerHandlers } from "../../src/connection/handlers.ts";
import type { ConnectionOptions } from "../../src/connection/options.ts";
import type { ServeOptions } from "../../src/connection/server/serve.ts";

/*
 * Bytes of hostile peers and what framewire has to make of them, as a server and as a client. The builders are written
 * against RFC 6455 alone and use no codec of the library, so that an error there cannot hide itself here.
 */

/** What framewire plays: a server that meets clients, or a client that meets servers. */
export type Role = "server" | "client";

export const roles: readonly Role[] = ["server", "client"];

/** The one that is not `role`. */
export function otherThan(role: Role): Role {
  return role === "server" ? "client" : "server";
}

/** What a case needs of framewire: where it is the same object, many cases may share one server. */
export interface Setup {
  /** Of either role. */
  readonly options?: Partial<ConnectionOptions>;
  readonly serveOptions?: Partial<ServeOptions>;
  readonly clientOptions?: Partial<ClientOptions>;
  /** Makes handlers anew for each server or client, since they may count or remember. */
  readonly handlers?: () => ServerHandlers;
  /** HTTP status that a decent client gets. Default: 101. */
  readonly fresh?: number;
}

/** What framewire has to make of an input. */
export interface Outcome {
  /** For the name of the test. */
  readonly summary: string;
  /** HTTP status of the response, sent or received; 0 where there must be none. */
  readonly status: number;
  /**
   * Headers that the response must have, names in lower case; null for one that it must not have. A client shows those of
   * a response that it does not take.
   */
  readonly headers: Readonly<Record<string, string | null>>;
  /** Body of a response that a client does not take; not looked at where it is absent. */
  readonly body?: string;
  /** What the handlers see, in order; of a client's attempt that fails, how. */
  readonly events: readonly string[];
  /** The frames that come back, in order. */
  readonly replies: readonly string[];
  /** Who ends the stream first: where it is the peer, framewire was content to wait. */
  readonly end: "framewire" | "peer";
}

/** What a peer sends to framewire in a role. */
export interface Play {
  /** @param accept What answers the key of a client's request: for its peer alone. */
  input(accept: string): Uint8Array;
  /** Bytes in front that are a decent peer's head, which other cases are about. */
  readonly headSize: number;
}

/** What a peer sends, for each role in which that is a case. */
export type Plays = Readonly<Partial<Record<Role, Play>>>;

/** One row of the battery, or one of several for it, in one role. */
export interface Case {
  /** Section and number of the row, and a letter where there are several. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly play: Play;
  readonly outcome: Outcome;
  readonly setup: Setup;
}

/** A case, in each role that it has. */
export type Row = readonly Case[];

/** Nothing set. */
export const plain: Setup = {};

/**
 * Makes a case of each role that a peer's bytes are for.
 *
 * @param input Mere bytes are a client's.
 * @param outcome For both roles, or for each that there is one for.
 */
export function row(
  id: string,
  name: string,
  input: Uint8Array | Plays,
  outcome: Outcome | Readonly<Partial<Record<Role, Outcome>>>,
  setup: Setup = plain,
): Row {
  const plays = input instanceof Uint8Array ? { server: whole(input) } : input;
  const outcomes = "events" in outcome ? { server: outcome, client: outcome } : outcome;
  return roles.flatMap((role) => {
    const play = plays[role];
    const own = outcomes[role];
    return play && own ? [{ id, name, role, play, outcome: own, setup }] : [];
  });
}

/** Of a peer's bytes those for one role. */
export function only(role: Role, plays: Plays): Plays {
  return { [role]: plays[role]! };
}

function whole(bytes: Uint8Array): Play {
  return { input: () => bytes, headSize: 0 };
}

/** Name of a case's test. */
export function titleOf({ id, name, outcome }: Case): string {
  return `${id} ${name} → ${outcome.summary}`;
}

/** Names and cases, for `it.each`. */
export function named(cases: readonly Case[]): [title: string, one: Case][] {
  return cases.map((one) => [titleOf(one), one]);
}

/** Bytes of a text whose characters are all below U+0100. */
export function latin1Bytes(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
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

const usualAnswer = { Upgrade: "websocket", Connection: "Upgrade" };

/** Parts of a head that differ from those of a decent one. */
export interface HeadParts {
  readonly line?: string;
  /** Values by name; undefined leaves a header out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Header lines in front of the usual ones, without their ends. */
  readonly before?: readonly string[];
  /** Header lines behind the usual ones, without their ends. */
  readonly more?: readonly string[];
  readonly lineEnd?: string;
  /** What is done to all of its text. */
  readonly change?: (text: string) => string;
}

function head(
  usualLine: string,
  usual: Readonly<Record<string, string>>,
  { line = usualLine, headers = {}, before = [], more = [], lineEnd = "\r\n", change }: HeadParts,
): Uint8Array<ArrayBuffer> {
  const lines = Object.entries({ ...usual, ...headers })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}`);
  const text = [line, ...before, ...lines, ...more, "", ""].join(lineEnd);
  const changed = change?.(text) ?? text;
  if (change !== undefined && changed === text) throw new Error("The head is not changed");
  return latin1Bytes(changed);
}

/** A request's head, a decent one but for what is said, its text in Latin-1. */
export function request(parts: HeadParts = {}): Uint8Array<ArrayBuffer> {
  return head("GET / HTTP/1.1", usualHeaders, parts);
}

/** Likewise a response's that opens a connection. */
export function answer(accept: string, parts: HeadParts = {}): Uint8Array<ArrayBuffer> {
  const usual = { ...usualAnswer, "Sec-WebSocket-Accept": accept };
  return head("HTTP/1.1 101 Switching Protocols", usual, parts);
}

/** Headers that a head of each role's peer has at the least. */
const usualCounts: Readonly<Record<Role, number>> = { server: 5, client: 3 };

/** A head that is not as it should be, as a request and as a response. */
export function heads(parts: HeadParts | ((usual: number) => HeadParts)): Plays {
  const of = (role: Role): HeadParts =>
    typeof parts === "function" ? parts(usualCounts[role]) : parts;
  return {
    server: whole(request(of("server"))),
    client: { input: (accept) => answer(accept, of("client")), headSize: 0 },
  };
}

/** A response, and what comes behind it. */
export function answers(parts: HeadParts, ...pieces: readonly Piece[]): Plays {
  const behind = bytesFrom("server", ...pieces);
  const input = (accept: string): Uint8Array => concat([answer(accept, parts), behind]);
  return { client: { input, headSize: 0 } };
}

/** Parts of a frame that differ from those of a decent peer's. */
export interface FrameParts {
  readonly fin?: boolean;
  /** 4 is RSV1, 2 is RSV2, 1 is RSV3. */
  readonly rsv?: number;
  /** Masks what a server sends, and not what a client does. */
  readonly wrongMask?: boolean;
  /** Bits of the length field. Default: the shortest that holds the length. */
  readonly form?: 7 | 16 | 64;
  /** The length that the header declares. Default: the payload's. */
  readonly length?: bigint;
}

/** What a {@link FrameParts.wrongMask} is called. */
export const wrongMaskCode: Readonly<Record<Role, string>> = {
  server: "MASK_REQUIRED",
  client: "MASK_UNEXPECTED",
};

/** Bytes of a peer that are not the same for a client as for a server. */
export interface SidedPiece {
  /** As it lies on the wire, from a peer of that side: what a client sends is masked (RFC 6455, 5.1). */
  from(side: Role): Uint8Array<ArrayBuffer>;
}

/** Something that a peer sends. */
export type Piece = Uint8Array | SidedPiece;

const maskKey = [0x37, 0xfa, 0x21, 0x3d] as const;

/** A frame; a string is its UTF-8. */
export function frame(
  opcode: number,
  payload: string | Uint8Array = "",
  { fin = true, rsv = 0, wrongMask = false, form, length }: FrameParts = {},
): SidedPiece {
  const data = typeof payload === "string" ? encodeUtf8(payload) : payload;
  const declared = length ?? BigInt(data.length);
  const bits = form ?? (declared < 126n ? 7 : declared < 65_536n ? 16 : 64);
  const lengthBytes = bits === 7 ? 0 : bits / 8;
  return {
    from(side) {
      const masked = (side === "client") !== wrongMask;
      const bytes = [
        (fin ? 0x80 : 0) | (rsv << 4) | opcode,
        (masked ? 0x80 : 0) | (bits === 7 ? Number(declared) : bits === 16 ? 126 : 127),
      ];
      for (let i = lengthBytes - 1; i >= 0; i--)
        bytes.push(Number((declared >> BigInt(8 * i)) & 255n));
      if (masked) bytes.push(...maskKey);
      const made = concat([Uint8Array.from(bytes), data]);
      if (masked) {
        for (let i = 0; i < data.length; i++) made[bytes.length + i]! ^= maskKey[i & 3]!;
      }
      return made;
    },
  };
}

/** What a peer of that side sends, as bytes. */
export function bytesFrom(side: Role, ...pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  return allFrom(side, pieces);
}

function allFrom(side: Role, pieces: readonly Piece[]): Uint8Array<ArrayBuffer> {
  // Many pieces may be one object.
  const made = new Map<Piece, Uint8Array>();
  return concat(
    pieces.map((piece) => {
      if (piece instanceof Uint8Array) return piece;
      const bytes = made.get(piece) ?? piece.from(side);
      made.set(piece, bytes);
      return bytes;
    }),
  );
}

/** Several pieces as one. */
export function joined(pieces: readonly Piece[]): SidedPiece {
  return { from: (side) => allFrom(side, pieces) };
}

/** A piece without its end: `size` bytes of it, or all but that many where it is below 0. */
export function part(piece: SidedPiece, size: number): SidedPiece {
  return { from: (side) => piece.from(side).slice(0, size) };
}

/** A header that declares a payload which does not come. */
export function header(
  opcode: number,
  length: bigint | number,
  parts: FrameParts = {},
): SidedPiece {
  return frame(opcode, "", { ...parts, length: BigInt(length) });
}

export function text(payload: string | Uint8Array, parts: FrameParts = {}): SidedPiece {
  return frame(0x1, payload, parts);
}

export function binary(payload: string | Uint8Array, parts: FrameParts = {}): SidedPiece {
  return frame(0x2, payload, parts);
}

/** A fragment behind the first one. */
export function continuation(payload: string | Uint8Array, parts: FrameParts = {}): SidedPiece {
  return frame(0x0, payload, parts);
}

export function ping(payload: string | Uint8Array = "", parts: FrameParts = {}): SidedPiece {
  return frame(0x9, payload, parts);
}

export function pong(payload: string | Uint8Array = "", parts: FrameParts = {}): SidedPiece {
  return frame(0xa, payload, parts);
}

/** Body of a close frame. */
export function closeBody(status: number, reason: string | Uint8Array = ""): Uint8Array {
  const tail = typeof reason === "string" ? encodeUtf8(reason) : reason;
  return concat([Uint8Array.of(status >> 8, status & 255), tail]);
}

/** A close frame; without a status its body is empty. */
export function close(status?: number, reason: string | Uint8Array = ""): SidedPiece {
  return frame(0x8, status === undefined ? "" : closeBody(status, reason));
}

/** Not the last fragment of a message. */
export const open: FrameParts = { fin: false };

/** A decent head with frames behind it. */
export function session(...pieces: readonly Piece[]): Plays {
  return sessionWith({}, {}, ...pieces);
}

/** A session with lines of its own in the request, or in the response. */
export function sessionWith(
  requestParts: HeadParts,
  answerParts: HeadParts,
  ...pieces: readonly Piece[]
): Plays {
  const head = request(requestParts);
  const server = concat([head, bytesFrom("client", ...pieces)]);
  const toClient = bytesFrom("server", ...pieces);
  return {
    server: { input: () => server, headSize: head.length },
    client: {
      input: (accept) => concat([answer(accept, answerParts), toClient]),
      headSize: answer(exampleAccept, answerParts).length,
    },
  };
}

/** The frames of a message in so many fragments with one payload. */
export function fragments(count: number, opcode: number, payload: string): SidedPiece {
  const middle = continuation(payload, open);
  const parts = Array.from({ length: count }, () => middle);
  parts[0] = frame(opcode, payload, open);
  parts[count - 1] = continuation(payload);
  return joined(parts);
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
  for (let i = 0; i < bytes.length; i++) sum = (Math.imul(sum, 31) + bytes[i]!) | 0;
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
    end: "framewire",
  };
}

/** The request is waited for until the client ends its stream; then nothing is answered. */
export const unfinished: Outcome = {
  summary: "dropped without a response",
  status: 0,
  headers: {},
  events: ["refused INTERNAL UNEXPECTED_END"],
  replies: [],
  end: "peer",
};

/**
 * The response is not taken, and the stream ended.
 *
 * @param code Of the error that the attempt fails with, and that of its cause where it has one.
 * @param headers Of the response, as the error tells them.
 */
export function unopened(
  status: number,
  code: string,
  headers: Readonly<Record<string, string | null>> = {},
): Outcome {
  return {
    summary: code,
    status,
    headers,
    events: [`refused ${code}`],
    replies: [],
    end: "framewire",
  };
}

/** The response is waited for until the server ends its stream. */
export const unanswered: Outcome = {
  ...unopened(0, "UNEXPECTED_END"),
  end: "peer",
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
    "peer",
  );
}

/** The connection opens, and is failed with `status`. */
export function fails(status: number, code: string, exchange: Exchange = {}): Outcome {
  return opened(
    String(status),
    { ...exchange, replies: [...(exchange.replies ?? []), showClose(status)] },
    [`error ${code}`, "close 1006 unclean peer"],
    "framewire",
  );
}

/** The connection opens, and the peer's close frame is answered with the same. */
export function echoesClose(status?: number, reason = "", exchange: Exchange = {}): Outcome {
  const seen = showClose(status ?? 1005, reason);
  return opened(
    `echo of ${status ?? "an empty close"}`,
    { ...exchange, replies: [...(exchange.replies ?? []), showClose(status, reason)] },
    [`${seen} clean peer`],
    "framewire",
  );
}
