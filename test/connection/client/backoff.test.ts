import { type AddressInfo, createServer } from "node:net";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type BackoffOptions,
  delayAfter,
  isTransient,
  type Loss,
  resolveBackoff,
  retryAfter,
} from "../../../src/connection/client/backoff.ts";
import {
  ClosedError,
  DialError,
  type HeaderPairs,
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

/** The longest wait, as near as `random` comes to it. */
function longest(loss: Loss, failed: number, options: BackoffOptions = {}): number {
  return delayAfter(loss, failed, resolveBackoff({ random: () => 1, ...options }));
}

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const refused = ofError(new TransportError("REFUSED"));

describe("resolveBackoff()", () => {
  it("has defaults", () => {
    expect(resolveBackoff({})).toEqual({
      initialDelay: 1000,
      maxDelay: 30_000,
      factor: 2,
      maxAttempts: Infinity,
      stableAfter: 10_000,
      random: Math.random,
    });
  });

  it.each<[keyof BackoffOptions, number]>([
    ["initialDelay", 0],
    ["initialDelay", Infinity],
    ["maxDelay", 0.5],
    ["maxDelay", Infinity],
    ["factor", 0.9],
    ["factor", NaN],
    ["maxAttempts", 0],
    ["stableAfter", -1],
    ["stableAfter", Infinity],
  ])("refuses %s of %d", (name, value) => {
    expect(() => resolveBackoff({ [name]: value })).toThrow(RangeError);
    expect(() => resolveBackoff({ [name]: value })).toThrow(name);
  });

  it("takes connections as stable at once where stableAfter is 0", () => {
    expect(resolveBackoff({ stableAfter: 0 }).stableAfter).toBe(0);
  });
});

describe("delayAfter()", () => {
  it("begins with initialDelay at the most, after a stable connection as after a first attempt", () => {
    expect(longest(refused, 0)).toBe(1000);
    expect(longest(refused, 1)).toBe(1000);
  });

  it("doubles the limit with each further failure, up to maxDelay", () => {
    const limits = [2, 3, 4, 5, 6, 7, 2000].map((failed) => longest(refused, failed));
    expect(limits).toEqual([2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("takes factor and initialDelay as they are given", () => {
    expect(longest(refused, 3, { initialDelay: 10, factor: 3 })).toBe(90);
    expect(longest(refused, 1, { initialDelay: 500, maxDelay: 100 })).toBe(100);
  });

  it("gives any wait from 0 to the limit, by chance", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
        fc.integer({ min: 0, max: 5000 }),
        (chance, failed) => {
          const backoff = resolveBackoff({ random: () => chance });
          const limit = longest(refused, failed);
          expect(delayAfter(refused, failed, backoff)).toBeCloseTo(chance * limit);
        },
      ),
    );
  });

  it.each([1012, 1013])("spreads clients over maxDelay at once after %d", (status) => {
    expect(longest(ofClosure({ status }), 0)).toBe(30_000);
  });

  it("does not after another status", () => {
    expect(longest(ofClosure({ status: 1001 }), 0)).toBe(1000);
  });

  it("does not come before Retry-After, and spreads clients behind it", () => {
    const busy = ofError(
      new DialError("BAD_STATUS", { status: 503, headers: [["Retry-After", "5"]] }),
    );
    expect(longest(busy, 1, { random: () => 0 })).toBe(5000);
    expect(longest(busy, 1, { random: () => 0.5 })).toBe(5500);
  });

  it("waits no longer than maxDelay, whatever Retry-After says", () => {
    const busy = ofError(
      new DialError("BAD_STATUS", { status: 429, headers: [["Retry-After", "3600"]] }),
    );
    expect(longest(busy, 1)).toBe(30_000);
  });
});

describe("retryAfter()", () => {
  it.each<[string, HeaderPairs, number]>([
    ["0 without the header", [["Server", "x"]], 0],
    ["seconds, in any case of the name", [["rEtRy-AfTeR", "120"]], 120_000],
    [
      "a date, measured against the response's own",
      [
        ["Date", "Fri, 31 Dec 1999 23:59:00 GMT"],
        ["Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"],
      ],
      59_000,
    ],
    [
      "0 for a date that is over",
      [
        ["Date", "Fri, 31 Dec 1999 23:59:59 GMT"],
        ["Retry-After", "Fri, 31 Dec 1999 23:59:00 GMT"],
      ],
      0,
    ],
    [
      "0 for a date without one to measure it by",
      [["Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"]],
      0,
    ],
    [
      "0 for what only a Date.parse takes",
      [
        ["Date", "Fri, 31 Dec 1999 23:59:59 GMT"],
        ["Retry-After", "2000-01-01"],
      ],
      0,
    ],
    ["0 for what is no number of seconds", [["Retry-After", "-5"]], 0],
    ["0 for nonsense", [["Retry-After", "soon"]], 0],
  ])("gives %s", (_, headers, wait) => {
    expect(retryAfter(headers)).toBe(wait);
  });
});

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

  it("says yes where the network was lost", () => {
    const error = new TransportError("RESET");
    expect(isTransient(ofClosure({ status: 1006, initiator: "transport", error }))).toBe(true);
  });

  it("says no to what the peer would do wrong again", () => {
    const error = new ProtocolError("MASK_UNEXPECTED");
    expect(isTransient(ofClosure({ status: 1006, error }))).toBe(false);
    const tooBig = new LimitError("MESSAGE_TOO_BIG", 10, 11);
    expect(isTransient(ofClosure({ status: 1006, error: tooBig }))).toBe(false);
  });

  it("says yes where the peer was too slow for what was sent", () => {
    const error = new LimitError("TOO_MUCH_BUFFERED", 10, 11);
    const loss = ofClosure({ status: 1006, clean: false, initiator: "local", error });
    expect(isTransient(loss)).toBe(true);
  });

  it("says no where this side has closed it, answered or not", () => {
    expect(isTransient(ofClosure({ status: 4000, initiator: "local" }))).toBe(false);
    const unanswered = { status: 1006, clean: false, initiator: "local" } as const;
    const timeout = new TimeoutError("CLOSE_TIMEOUT", 10);
    const ended = new TransportError("UNEXPECTED_END");
    expect(isTransient(ofClosure({ ...unanswered, error: timeout }))).toBe(false);
    expect(isTransient(ofClosure({ ...unanswered, error: ended }))).toBe(false);
  });

  it("says yes where this side has dropped it: that is how to ask for another one", () => {
    expect(isTransient(ofClosure({ status: 1006, clean: false, initiator: "local" }))).toBe(true);
  });

  it.each([
    ["for want of a pong", new TimeoutError("PONG_TIMEOUT", 10)],
    ["since it was idle", new TimeoutError("IDLE_TIMEOUT", 10)],
    ["since it was old", new TimeoutError("MAX_LIFETIME", 10)],
    ["since a handler failed", new TypeError("x is not a function")],
  ])("says yes where this side gave it up %s", (_, error) => {
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

  it("says no where a permission is missing", () => {
    expect(isTransient(ofError(new TransportError("ACCESS_DENIED")))).toBe(false);
  });

  it("says yes where it took too long", () => {
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

  it("says no where somebody has aborted it", () => {
    const error = Object.assign(new Error("aborted"), { name: "AbortError" });
    expect(isTransient(ofError(error))).toBe(false);
  });

  it("takes a closed connection in it as its status says", () => {
    expect(isTransient(ofError(new ClosedError(closure({ status: 1008 }))))).toBe(false);
    expect(isTransient(ofError(new ClosedError(closure({ status: 1011 }))))).toBe(true);
  });

  it("says yes to anything else", () => {
    expect(isTransient(ofError(new Error("No token yet")))).toBe(true);
    expect(isTransient(ofError("thrown"))).toBe(true);
  });
});
