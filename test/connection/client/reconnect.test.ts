import { describe, expect, it } from "vitest";
import { reconnecting, rules } from "../../../src/connection/client/reconnect.ts";
import { Reconnecting } from "../../../src/connection/client/reconnecting.ts";
import { DialError } from "../../../src/errors.ts";
import { newAttempts } from "../../support/fake-connection.ts";

describe("reconnecting()", () => {
  it("gives a client that stays connected", async () => {
    const { open } = newAttempts();
    const feed = reconnecting(open);
    expect(feed).toBeInstanceOf(Reconnecting);
    await feed.close();
  });

  it("refuses options that are unknown or of a wrong type, and hooks that are no functions", () => {
    const { open } = newAttempts();
    const make = reconnecting as (...given: readonly unknown[]) => unknown;
    expect(() => make(open, { maxRetries: 5 })).toThrow("Unknown option maxRetries");
    expect(() => make(open, { factor: "2" })).toThrow('factor must be a number: "2" is a string');
    expect(() => make("wss://example.org/")).toThrow("open must be a function");
  });
});

describe("the rules of clients that speak HTTP", () => {
  it("respect the time that a server asks for with Retry-After", () => {
    const headers = [["Retry-After", "5"]] as const;
    const busy = new DialError("BAD_STATUS", { status: 503, headers });
    expect([rules.askedDelay(busy), rules.askedDelay(new Error("Busy"))]).toEqual([5000, 0]);
  });

  it("tell an error of the application from one of the network or the server", () => {
    const told: unknown[] = [];
    const report = rules.newReporter((error) => told.push(error));
    const error = new Error("thrown");
    report(error, "reconnecting");
    expect(told).toEqual([error]);
    expect([error, "thrown", null].map(rules.isOwn)).toEqual([true, true, true]);
    const network = new TypeError("fetch failed", { cause: new Error("ECONNREFUSED") });
    expect([new DialError("BAD_STATUS"), network].map(rules.isOwn)).toEqual([false, false]);
  });
});
