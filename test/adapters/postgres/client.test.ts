import { describe, expect, it } from "vitest";
import {
  codeOf,
  dropClient,
  isAnswer,
  isHopeless,
  NotNotifiedError,
} from "../../../adapters/postgres/client.ts";
import { answerOf, FakeClient } from "../../support/fake-postgres.ts";

const socketError = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });

describe("codeOf()", () => {
  it("tells a code of PostgreSQL from a code of a socket", () => {
    expect(codeOf(answerOf("42P01"))).toBe("42P01");
    for (const other of [socketError, new Error("no"), undefined, null, "no"]) {
      expect(codeOf(other)).toBeUndefined();
    }
  });
});

describe("isHopeless()", () => {
  it.each<[string, unknown, boolean]>([
    ["a wrong password", answerOf("28P01"), true],
    ["a login that is not allowed", answerOf("28000"), true],
    ["no such database", answerOf("3D000"), true],
    ["no right to connect", answerOf("42501"), true],
    ["no password", new Error("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be"), true],
    ["a mistake of the application's", new TypeError("x is not a function"), true],
    ["a pooler that lends its connections", new NotNotifiedError(), true],
    [
      "a pooler that knows no such password",
      answerOf("08P01", "password authentication failed"),
      true,
    ],
    ["a pooler that knows no such database", answerOf("08P01", "no such database: x"), true],
    ["a pooler that has no connection left", answerOf("08P01", "query_wait_timeout"), false],
    ["too many connections", answerOf("53300"), false],
    ["a server that starts", answerOf("57P03"), false],
    ["nobody at the port", Object.assign(new Error("no"), { code: "ECONNREFUSED" }), false],
    ["a connection that has ended", new Error("Connection terminated unexpectedly"), false],
    ["nothing", undefined, false],
  ])("says of %s: %s", (_, error, expected) => {
    expect(isHopeless(error)).toBe(expected);
  });
});

describe("isAnswer()", () => {
  it.each<[string, unknown, boolean]>([
    ["no such table", answerOf("42P01"), true],
    ["a full queue of notifications", answerOf("54000"), true],
    ["a command that took too long", answerOf("57014"), true],
    ["a server that is stopped", answerOf("57P01"), false],
    ["a broken connection", answerOf("08006"), false],
    ["a database that may only be read", answerOf("25006"), true],
    ["a socket's error", socketError, false],
  ])("says of %s: %s", (_, error, expected) => {
    expect(isAnswer(error)).toBe(expected);
  });
});

describe("dropClient()", () => {
  it("waits for nothing, and lets nothing reject", () => {
    const client = new FakeClient();
    dropClient(client);
    expect(client.lines).toEqual(["end", "destroy"]);
    client.end = () => Promise.reject(new Error("no"));
    dropClient(client);
  });
});
