import { describe, expect, it } from "vitest";
import {
  type BackplaneCode,
  BackplaneError,
  ClosedError,
  type DialCode,
  DialError,
  HandshakeError,
  type HandshakeCode,
  type LimitCode,
  LimitError,
  ProtocolError,
  TimeoutError,
  type TimeoutCode,
  type TransportCode,
  TransportError,
  connectionLost,
  type ViolationCode,
} from "../src/errors.ts";

const violations: Record<ViolationCode, number> = {
  OPCODE_RESERVED: 1002,
  CONTROL_TOO_LONG: 1002,
  CONTROL_NOT_FINAL: 1002,
  RSV_NOT_ZERO: 1002,
  MASK_REQUIRED: 1002,
  MASK_UNEXPECTED: 1002,
  CONTINUATION_EXPECTED: 1002,
  CONTINUATION_UNEXPECTED: 1002,
  LENGTH_NOT_MINIMAL: 1002,
  LENGTH_SIGN_BIT: 1002,
  LENGTH_TOO_LARGE: 1009,
  CLOSE_BODY_TOO_SHORT: 1002,
  STATUS_NOT_IN_USE: 1002,
  STATUS_APPLICATION_LEVEL: 1002,
  STATUS_NO_MEANING: 1002,
  STATUS_UNKNOWN: 1002,
  INVALID_UTF8: 1007,
  RSV1_UNEXPECTED: 1002,
  INVALID_DEFLATE: 1007,
};

describe("ProtocolError", () => {
  it.each(Object.entries(violations) as [ViolationCode, number][])(
    "answers %s with %i",
    (code, status) => {
      const error = new ProtocolError(code);
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name: "ProtocolError", code, status });
      expect(error.message).toMatch(/^[A-Z].*[^.]$/);
    },
  );

  it("has a message of its own for each code", () => {
    const codes = Object.keys(violations) as ViolationCode[];
    const messages = codes.map((code) => new ProtocolError(code).message);
    expect(new Set(messages).size).toBe(codes.length);
  });

  it("keeps its cause", () => {
    const cause = new Error("bad");
    expect(new ProtocolError("INVALID_UTF8", { cause }).cause).toBe(cause);
    expect("cause" in new ProtocolError("INVALID_UTF8")).toBe(false);
  });
});

const limits: Record<LimitCode, number> = {
  FRAME_TOO_BIG: 1009,
  MESSAGE_TOO_BIG: 1009,
  TOO_MANY_FRAGMENTS: 1008,
  HEAD_TOO_LARGE: 431,
  TARGET_TOO_LONG: 414,
  TOO_MANY_HEADERS: 431,
  BODY_TOO_LARGE: 413,
  TOO_MUCH_BUFFERED: 1008,
  TOO_MANY_CONNECTIONS: 503,
  TOO_MANY_OF_ADDRESS: 429,
  TOO_MANY_HANDSHAKES: 429,
  TOO_MANY_MESSAGES: 1008,
  TOO_MANY_TOPICS: 1008,
};

describe("LimitError", () => {
  it.each(Object.entries(limits) as [LimitCode, number][])("answers %s with %i", (code, status) => {
    const error = new LimitError(code, 10, 11);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: "LimitError", code, status, limit: 10, actual: 11 });
    expect(error.message).toMatch(/^[A-Z].*: 11 > 10$/);
  });
});

const refusals: Record<HandshakeCode, number> = {
  MALFORMED_REQUEST: 400,
  MALFORMED_RESPONSE: 502,
  BAD_PROTOCOL: 505,
  BAD_METHOD: 405,
  BAD_HOST: 400,
  BAD_ORIGIN: 403,
  BAD_FORWARDED: 400,
  BAD_PROXY_HEADER: 400,
  BAD_BODY: 400,
  BAD_UPGRADE: 400,
  BAD_CONNECTION: 400,
  BAD_SEC_KEY: 400,
  BAD_SEC_VERSION: 400,
  BAD_SUBPROTOCOL: 400,
  UPGRADE_REQUIRED: 426,
  REJECTED: 403,
  INTERNAL: 500,
};

describe("HandshakeError", () => {
  it.each(Object.entries(refusals) as [HandshakeCode, number][])(
    "answers %s with %i",
    (code, status) => {
      const error = new HandshakeError(code);
      expect(error).toBeInstanceOf(Error);
      expect(error).toMatchObject({ name: "HandshakeError", code, status, headers: [] });
      expect(error.body).toBeUndefined();
      expect(error.message).toMatch(/^[A-Z].*[^.]$/);
      expect("cause" in error).toBe(false);
    },
  );

  it("takes message, status, headers, body and cause", () => {
    const cause = new Error("no");
    const headers = [["Retry-After", "1"]] as const;
    const options = { message: "Full", status: 503, headers, body: "later", cause };
    expect(new HandshakeError("REJECTED", options)).toMatchObject({ code: "REJECTED", ...options });
  });

  it("keeps a cause of undefined", () => {
    expect("cause" in new HandshakeError("INTERNAL", { cause: undefined })).toBe(true);
  });
});

const dialCodes: Record<DialCode, true> = {
  MALFORMED_RESPONSE: true,
  BAD_PROTOCOL: true,
  BAD_STATUS: true,
  BAD_UPGRADE: true,
  BAD_CONNECTION: true,
  BAD_SEC_ACCEPT: true,
  BAD_SUBPROTOCOL: true,
  BAD_EXTENSIONS: true,
};

describe("DialError", () => {
  it.each(Object.keys(dialCodes) as DialCode[])("knows nothing but its code: %s", (code) => {
    const error = new DialError(code);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(HandshakeError);
    expect(error).toMatchObject({ name: "DialError", code, status: 0, headers: [] });
    expect(error.body.length).toBe(0);
    expect(error.message).toMatch(/^[A-Z].*[^.]$/);
    expect("cause" in error).toBe(false);
  });

  it("has a message of its own for each code", () => {
    const codes = Object.keys(dialCodes) as DialCode[];
    expect(new Set(codes.map((code) => new DialError(code).message)).size).toBe(codes.length);
  });

  it("tells of the response", () => {
    const headers = [["Retry-After", "1"]] as const;
    const options = { status: 503, headers, body: Uint8Array.of(1), cause: new Error("no") };
    const error = new DialError("BAD_STATUS", options);
    expect(error).toMatchObject(options);
    expect(error.message).toMatch(/: HTTP status 503$/);
    expect("cause" in new DialError("BAD_STATUS", { cause: undefined })).toBe(true);
  });
});

describe("ClosedError", () => {
  it("says how the connection ended", () => {
    const closure = { status: 1001, reason: "bye", clean: true, initiator: "peer" } as const;
    const error = new ClosedError(closure);
    expect(error).toMatchObject({ name: "ClosedError", code: "CLOSED", ...closure });
    expect(error.message).toBe("Connection is closed: 1001 bye");
    expect("cause" in error).toBe(false);
  });

  it("has the error that ended it as its cause", () => {
    const cause = new ProtocolError("INVALID_UTF8");
    const closure = { status: 1006, reason: "", clean: false, initiator: "peer" } as const;
    const error = new ClosedError({ ...closure, error: cause });
    expect(error.message).toBe("Connection is closed: 1006");
    expect(error.cause).toBe(cause);
  });
});

describe("TimeoutError", () => {
  it.each<[TimeoutCode, string]>([
    ["HANDSHAKE_TIMEOUT", "handshake took too long: 250 ms"],
    ["DIAL_TIMEOUT", "timeout: 250 ms"],
    ["RECEIVE_TIMEOUT", "timeout: 250 ms"],
    ["PONG_TIMEOUT", "pongTimeout: 250 ms"],
    ["IDLE_TIMEOUT", "idleTimeout: 250 ms"],
    ["MAX_LIFETIME", "maxLifetime: 250 ms"],
    ["CLOSE_TIMEOUT", "closeTimeout: 250 ms"],
    ["SHUTDOWN_TIMEOUT", "shutdown: 250 ms"],
  ])("says for %s which deadline passed", (code, ending) => {
    const error = new TimeoutError(code, 250);
    expect(error).toMatchObject({ name: "TimeoutError", code, limit: 250 });
    expect(error.message.endsWith(ending)).toBe(true);
  });
});

describe("TransportError", () => {
  it.each<TransportCode>([
    "RESET",
    "UNEXPECTED_END",
    "ADDRESS_IN_USE",
    "ACCESS_DENIED",
    "REFUSED",
    "NOT_FOUND",
    "TLS_FAILED",
    "PROXY_FAILED",
    "NO_EXTENDED_CONNECT",
    "FAILED",
  ])("keeps the runtime's error as the cause of %s", (code) => {
    const cause = new Error("ECONNRESET");
    const error = new TransportError(code, { cause });
    expect(error).toMatchObject({ name: "TransportError", code, cause });
    expect(error.message).toMatch(/^[A-Z].*[^.]$/);
  });
});

const backplaneCodes: Record<BackplaneCode, true> = {
  DOWN: true,
  TIMEOUT: true,
  QUEUE_FULL: true,
  REFUSED: true,
  LEFT: true,
  ENVELOPE_VERSION: true,
};

describe("BackplaneError", () => {
  it.each(Object.keys(backplaneCodes) as BackplaneCode[])("has a message for %s", (code) => {
    const cause = new Error("ECONNREFUSED");
    const error = new BackplaneError(code, { cause });
    expect(error).toMatchObject({ name: "BackplaneError", code, cause });
    expect(error.message).toMatch(/^[A-Z].*[^.]$/);
    expect("cause" in new BackplaneError(code)).toBe(false);
  });
});

describe("connectionLost()", () => {
  it("tells a reset, with the runtime's error, from an end that came too early", () => {
    const cause = new Error("ECONNRESET");
    expect(connectionLost(cause)).toMatchObject({ name: "TransportError", code: "RESET", cause });
    expect(connectionLost(undefined)).toMatchObject({ code: "UNEXPECTED_END", cause: undefined });
  });

  it("captures no stack, and leaves the next error its own", () => {
    expect(connectionLost(undefined).stack ?? "").not.toContain("errors.test.ts");
    expect(new Error("next").stack).toContain("errors.test.ts");
  });
});
