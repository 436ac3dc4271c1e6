import fc from "fast-check";

/*
 * What a user and a peer can do on a connection, as plain data, and how it is generated. What each action does is in
 * perform.ts.
 */

export type Who = "client" | "server";

/** What is in a message, or in a piece. */
export interface Shape {
  readonly size: number;
  readonly text: boolean;
  readonly noise: boolean;
}

/** What is common to all: who acts, and whether what comes of it is waited for, as far as it comes. */
interface Act {
  readonly by: Who;
  readonly awaited: boolean;
}

interface Piece {
  readonly size: number;
  readonly noise: boolean;
}

export interface Send extends Act, Shape {
  readonly do: "send";
  readonly compress: boolean;
  /** Whether it is prepared before, broadcast, or published to a topic of which the client is a subscriber. */
  readonly way: "plain" | "prepared" | "broadcast" | "publish";
  /** Whether the sender asks to be told when the system has taken it; whether text is given as bytes. */
  readonly told: boolean;
  readonly asBytes: boolean;
}

/** Begins a message that is sent in pieces. */
export interface Begin extends Act {
  readonly do: "begin";
  readonly text: boolean;
  readonly compress: boolean;
}

/** Writes a piece; `writer` counts those that are open, around the end. */
export interface Write extends Act, Piece {
  readonly do: "write";
  readonly writer: number;
}

export interface EndWriter extends Act {
  readonly do: "finish" | "abort";
  readonly writer: number;
}

/** Sends what a generator gives. */
export interface SendStream extends Act {
  readonly do: "sendStream";
  readonly text: boolean;
  readonly compress: boolean;
  readonly pieces: readonly Piece[];
  /** Turns of the event loop between two pieces. */
  readonly pace: number;
  /** Whether it throws behind its last piece. */
  readonly fails: boolean;
}

/** A ping, or a pong that nobody has asked for. */
export interface Control extends Act {
  readonly do: "ping" | "pong";
}

/** The server's end of the connection joins the topic of everybody, or leaves it. */
export interface Membership extends Act {
  readonly do: "subscribe" | "unsubscribe";
}

/** Asks for messages, `count` at once. */
export interface Receive extends Act {
  readonly do: "receive";
  readonly how: "receive" | "receiveStream" | "next";
  readonly count: number;
  /** Turns after which a signal is aborted; 0 for never. */
  readonly abortAfter: number;
}

/** Lets handlers go on that wait for that. */
export interface Release extends Act {
  readonly do: "release";
}

export interface Close extends Act {
  readonly do: "close";
  readonly status: number;
}

/** Ends that are nobody's wish, or need no closing handshake. */
export interface Cut extends Act {
  readonly do: "terminate" | "reset" | "fin" | "vanish" | "shutdown";
}

export interface Pause extends Act {
  readonly do: "pause";
  /** Turns of the event loop; 0 for a microtask. */
  readonly turns: number;
}

/** Lets time go by. */
export interface Advance extends Act {
  readonly do: "advance";
  readonly milliseconds: number;
}

/** Of a client that speaks frames by itself. */
export interface Raw extends Act {
  readonly do: "raw";
  /** A whole message, or the end of one; the beginning of one; half a frame; what is forbidden; nothing is read. */
  readonly what: "message" | "begin" | "ping" | "pong" | "half" | "bad" | "close" | "deaf";
  /** Of its fragments. */
  readonly sizes: readonly number[];
  readonly text: boolean;
  /** Whether a pong goes in front of each fragment; whether its bytes come a few at a time. */
  readonly mixing: boolean;
  readonly drip: boolean;
}

export type Action =
  | Raw
  | Send
  | Begin
  | Write
  | EndWriter
  | SendStream
  | Control
  | Membership
  | Receive
  | Release
  | Close
  | Cut
  | Pause
  | Advance;

export type ActionName = Action["do"];

/** How large messages and pieces are. */
export type Sizes = "tiny" | "small" | "medium" | "large";

const tiny = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 40 }) },
);
const small = fc.oneof(
  { weight: 3, arbitrary: tiny },
  { weight: 2, arbitrary: fc.integer({ min: 120, max: 130 }) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 2000 }) },
);
const medium = fc.oneof(
  { weight: 3, arbitrary: small },
  { weight: 1, arbitrary: fc.integer({ min: 65_530, max: 65_540 }) },
  { weight: 3, arbitrary: fc.integer({ min: 2000, max: 20_000 }) },
);
const large = fc.oneof(
  { weight: 3, arbitrary: medium },
  { weight: 2, arbitrary: fc.integer({ min: 131_072, max: 300_000 }) },
);

const sizes: Record<Sizes, fc.Arbitrary<number>> = { tiny, small, medium, large };

const rarely = fc.oneof(
  { weight: 4, arbitrary: fc.constant(false) },
  { weight: 1, arbitrary: fc.constant(true) },
);
const mostly = rarely.map((value) => !value);
const number = fc.nat({ max: 3 });

/** What the arbitrary of an action needs to know. */
export interface Ranges {
  readonly sizes: Sizes;
  readonly pieces: Sizes;
  /** Whether sources may throw. */
  readonly failures: boolean;
  /** Whether sends ask to be told, and text may be given as bytes. */
  readonly asks: boolean;
  /** Who acts. */
  readonly actors: readonly Who[];
}

/** How each action is generated. */
export function actionArbitraries({
  sizes: ofMessages,
  pieces: ofPieces,
  failures,
  asks,
  actors,
}: Ranges): Record<ActionName, fc.Arbitrary<Action>> {
  const by = fc.constantFrom(...actors);
  const awaited = fc.boolean();
  const piece = { size: sizes[ofPieces], noise: fc.boolean() };
  const cut = (name: Cut["do"]): fc.Arbitrary<Action> =>
    fc.record({ do: fc.constant(name), by, awaited: rarely });
  const member = (name: Membership["do"]): fc.Arbitrary<Action> =>
    fc.record({
      do: fc.constant(name),
      by: fc.constant<Who>("server"),
      awaited: fc.constant(false),
    });
  const maybe = asks ? fc.boolean() : fc.constant(false);
  const endWriter = (name: EndWriter["do"]): fc.Arbitrary<Action> =>
    fc.record({ do: fc.constant(name), by, awaited, writer: number });
  return {
    send: fc.record({
      do: fc.constant("send" as const),
      by,
      awaited,
      size: sizes[ofMessages],
      text: fc.boolean(),
      noise: fc.boolean(),
      compress: mostly,
      way: fc.oneof(
        { weight: 4, arbitrary: fc.constant("plain" as const) },
        { weight: 1, arbitrary: fc.constantFrom("prepared", "broadcast", "publish") },
      ),
      told: maybe,
      asBytes: maybe,
    }),
    begin: fc.record({
      do: fc.constant("begin" as const),
      by,
      awaited: fc.constant(false),
      text: fc.boolean(),
      compress: mostly,
    }),
    write: fc.record({
      do: fc.constant("write" as const),
      by,
      awaited,
      writer: number,
      ...piece,
    }),
    finish: endWriter("finish"),
    abort: endWriter("abort"),
    sendStream: fc.record({
      do: fc.constant("sendStream" as const),
      by,
      awaited: rarely,
      text: fc.boolean(),
      compress: mostly,
      pieces: fc.array(fc.record(piece), { maxLength: 5 }),
      pace: fc.nat({ max: 3 }),
      fails: failures ? rarely : fc.constant(false),
    }),
    ping: fc.record({ do: fc.constant("ping" as const), by, awaited: rarely }),
    pong: fc.record({ do: fc.constant("pong" as const), by, awaited: rarely }),
    subscribe: member("subscribe"),
    unsubscribe: member("unsubscribe"),
    receive: fc.record({
      do: fc.constant("receive" as const),
      by,
      awaited,
      how: fc.constantFrom("receive", "receiveStream", "next"),
      count: fc.integer({ min: 1, max: 3 }),
      abortAfter: fc.nat({ max: 3 }),
    }),
    release: fc.record({ do: fc.constant("release" as const), by, awaited: fc.constant(false) }),
    close: fc.record({
      do: fc.constant("close" as const),
      by,
      awaited: rarely,
      // 1005 stands for a close frame without a status.
      status: fc.constantFrom(1000, 1001, 3000, 4999, ...(asks ? [1005] : [])),
    }),
    terminate: cut("terminate"),
    reset: cut("reset"),
    fin: cut("fin"),
    vanish: cut("vanish"),
    shutdown: cut("shutdown"),
    pause: fc.record({
      do: fc.constant("pause" as const),
      by: fc.constant<Who>("client"),
      awaited: fc.constant(true),
      turns: fc.nat({ max: 4 }),
    }),
    raw: fc.record({
      do: fc.constant("raw" as const),
      by: fc.constant<Who>("client"),
      awaited: fc.constant(false),
      what: fc.oneof(
        { weight: 10, arbitrary: fc.constantFrom("message" as const, "begin" as const) },
        { weight: 3, arbitrary: fc.constantFrom("ping" as const, "pong", "deaf") },
        { weight: 1, arbitrary: fc.constantFrom("half" as const, "bad", "close") },
      ),
      sizes: fc.array(sizes[ofPieces], { maxLength: 5 }),
      text: fc.boolean(),
      mixing: fc.boolean(),
      drip: rarely,
    }),
    advance: fc.record({
      do: fc.constant("advance" as const),
      by: fc.constant<Who>("client"),
      awaited: fc.constant(true),
      milliseconds: fc.constantFrom(100, 300, 1000, 3000),
    }),
  };
}

/** An action in a line. */
export function wordsOf(action: Action): string {
  const { do: name, by, awaited, ...rest } = action;
  const words = Object.entries(rest).flatMap(([key, value]) => {
    if (key === "pieces") {
      const pieces = value as readonly Piece[];
      return [
        `pieces [${pieces.map(({ size, noise }) => `${size}${noise ? "n" : ""}`).join(" ")}]`,
      ];
    }
    if (value === true) return [key];
    return value === false ? [] : [`${key} ${String(value)}`];
  });
  const actor = name === "pause" || name === "advance" ? "" : `${by}: `;
  return `${actor}${[awaited && actor !== "" ? "await" : "", name, ...words].filter(Boolean).join(" ")}`;
}
