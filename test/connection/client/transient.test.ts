import { type AddressInfo, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import type { Loss } from "../../../src/connection/client/backoff.ts";
import { isTransient } from "../../../src/connection/client/transient.ts";
import {
  ClosedError,
  DialError,
  LimitError,
  ProtocolError,
  TimeoutError,
  type TransportCode,
  TransportError,
} from "../../../src/errors.ts";
import { closure } from "../../support/fake-connection.ts";

function ofError(error: unknown): Loss {
  return { closure: undefined, error };
}

function ofClosure(how: Parameters<typeof closure>[0]): Loss {
  const ended = closure(how);
  return { closure: ended, error: ended.error };
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("isTransient(), for a connection that ended,", () => {
  it.each([1001, 1005, 1011, 1012, 1013, 1014, 3001, 4000])(
    "says yes to %d of the peer",
    (status) => {
      expect(isTransient(ofClosure({ status }))).toBe(true);
    },
  );

  it.each([1000, 1002, 1003, 1007, 1008, 1009, 1010, 3000, 3003])(
    "says no to %d of the peer",
    (status) => {
      expect(isTransient(ofClosure({ status }))).toBe(false);
    },
  );

  it("says yes if the network was lost", () => {
    const error = new TransportError("RESET");
    expect(isTransient(ofClosure({ status: 1006, initiator: "transport", error }))).toBe(true);
  });

  it("says no to what the peer would do wrong again", () => {
    const error = new ProtocolError("MASK_UNEXPECTED");
    expect(isTransient(ofClosure({ status: 1006, error }))).toBe(false);
    const tooBig = new LimitError("MESSAGE_TOO_BIG", 10, 11);
    expect(isTransient(ofClosure({ status: 1006, error: tooBig }))).toBe(false);
  });

  it("says yes if the peer was too slow for what was sent", () => {
    const error = new LimitError("TOO_MUCH_BUFFERED", 10, 11);
    const loss = ofClosure({ status: 1006, clean: false, initiator: "local", error });
    expect(isTransient(loss)).toBe(true);
  });

  it("says no if this side has closed it, answered or not", () => {
    expect(isTransient(ofClosure({ status: 4000, initiator: "local" }))).toBe(false);
    const unanswered = { status: 1006, clean: false, initiator: "local" } as const;
    const timeout = new TimeoutError("CLOSE_TIMEOUT", 10);
    const ended = new TransportError("UNEXPECTED_END");
    expect(isTransient(ofClosure({ ...unanswered, error: timeout }))).toBe(false);
    expect(isTransient(ofClosure({ ...unanswered, error: ended }))).toBe(false);
  });

  it("says yes if this side has dropped it, which is how to ask for another one", () => {
    expect(isTransient(ofClosure({ status: 1006, clean: false, initiator: "local" }))).toBe(true);
  });

  it.each([
    ["for want of a pong", new TimeoutError("PONG_TIMEOUT", 10)],
    ["since it was idle", new TimeoutError("IDLE_TIMEOUT", 10)],
    ["since it was old", new TimeoutError("MAX_LIFETIME", 10)],
    ["since a handler failed", new TypeError("x is not a function")],
  ])("says yes if this side gave it up %s", (_, error) => {
    expect(isTransient(ofClosure({ status: 1006, initiator: "local", error }))).toBe(true);
  });
});

describe("isTransient(), for an attempt that failed,", () => {
  it.each([408, 425, 429, 500, 502, 503, 504, 200, 302, 307, 0])(
    "says yes to HTTP status %d",
    (status) => {
      expect(isTransient(ofError(new DialError("BAD_STATUS", { status })))).toBe(true);
    },
  );

  it.each([400, 401, 403, 404, 407, 426, 499, 101, 301, 308])(
    "says no to HTTP status %d",
    (status) => {
      expect(isTransient(ofError(new DialError("BAD_STATUS", { status })))).toBe(false);
    },
  );

  it.each<TransportCode>([
    "REFUSED",
    "NOT_FOUND",
    "TLS_FAILED",
    "PROXY_FAILED",
    "RESET",
    "UNEXPECTED_END",
    "FAILED",
  ])("says yes to %s", (code) => {
    expect(isTransient(ofError(new TransportError(code)))).toBe(true);
  });

  it("says no if a permission is missing", () => {
    expect(isTransient(ofError(new TransportError("ACCESS_DENIED")))).toBe(false);
  });

  it("says yes if it took too long", () => {
    expect(isTransient(ofError(new TimeoutError("DIAL_TIMEOUT", 10)))).toBe(true);
  });

  it("says no to a mistake of the caller", () => {
    expect(isTransient(ofError(new TypeError("A WebSocket URL has no fragment")))).toBe(false);
    expect(isTransient(ofError(new RangeError("timeout must be a number")))).toBe(false);
  });

  it("says yes to a fetch that did not get through, on whichever runtime", async () => {
    const error: unknown = await fetch(`http://127.0.0.1:${await closedPort()}/`).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(isTransient(ofError(error))).toBe(true);
    const ofBun = Object.assign(new TypeError("Unable to connect"), { code: "ECONNREFUSED" });
    expect(isTransient(ofError(ofBun))).toBe(true);
    const ofNode = new TypeError("fetch failed", { cause: new Error("ECONNREFUSED") });
    expect(isTransient(ofError(ofNode))).toBe(true);
  });

  it("says no if it was aborted", () => {
    const error = Object.assign(new Error("aborted"), { name: "AbortError" });
    expect(isTransient(ofError(error))).toBe(false);
  });

  it("judges a closed connection in it by its status", () => {
    expect(isTransient(ofError(new ClosedError(closure({ status: 1008 }))))).toBe(false);
    expect(isTransient(ofError(new ClosedError(closure({ status: 1011 }))))).toBe(true);
  });

  it("says yes to anything else", () => {
    expect(isTransient(ofError(new Error("No token yet")))).toBe(true);
    expect(isTransient(ofError("thrown"))).toBe(true);
  });
});
