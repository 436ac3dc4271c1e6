import { describe, expect, it } from "vitest";
import {
  postgresBackplane,
  type PostgresBackplaneOptions,
} from "../../../adapters/postgres/index.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { newMember } from "../../support/backplane-member.ts";
import { answerOf, FakeClient, FakePostgres } from "../../support/fake-postgres.ts";
import { macrotask } from "../../support/turns.ts";

/** Over the real client, to a real PostgreSQL: test/runtime/postgres.test.ts. Here is what those do seldom. */

const join = (server: FakePostgres, member = newMember(), options: PostgresBackplaneOptions = {}) =>
  postgresBackplane(server.newClient, { maxDelay: 1, ...options }).join(member);

const leave = new AbortController().signal;

describe("postgresBackplane()", () => {
  it("refuses a function that makes no clients", () => {
    expect(() => postgresBackplane(new FakeClient() as never)).toThrow(
      "newClient must be a function",
    );
  });

  it.each<[object, string]>([
    [{ prefix: 5 }, "TypeError: prefix must be a string: 5 is a number"],
    [{ Prefix: "a" }, "TypeError: Unknown option Prefix: did you mean prefix?"],
    [
      { prefix: "x".repeat(19) },
      'RangeError: prefix must have at most 18 characters of ASCII: "xxxxxxxxxxxxxxxxxxx"',
    ],
    [{ prefix: "ü" }, 'RangeError: prefix must have at most 18 characters of ASCII: "ü"'],
    [
      { table: 'a"; DROP' },
      'RangeError: table must be a name of letters, digits and "_", or a schema\'s and a table\'s: "a\\"; DROP"',
    ],
    [{ rowTime: 0 }, "RangeError: rowTime must be milliseconds from 1 to 2147483647: 0"],
    [
      { timeout: Infinity },
      "RangeError: timeout must be milliseconds from 1 to 2147483647: Infinity",
    ],
    [{ maxDelay: 0 }, "RangeError: maxDelay must be milliseconds from 1 to 2147483647: 0"],
  ])("refuses wrong options: %o", (options, message) => {
    let thrown: unknown;
    try {
      postgresBackplane(() => new FakeClient(), options);
    } catch (error) {
      thrown = error;
    }
    expect(String(thrown)).toBe(message);
  });

  it.each<[string, () => unknown, string]>([
    ["no client", () => ({}), "must be a Client of pg"],
    ["a promise for one", async () => new FakeClient(), "must be a Client of pg"],
    [
      "the same one again",
      (
        (client) => () =>
          client
      )(new FakeClient()),
      "newClient() must give another client each time: write () => new Client(...)",
    ],
  ])("does not join if the given function gives %s", async (_, newClient, message) => {
    const joining = postgresBackplane(newClient as () => FakeClient).join(newMember());
    await expect(joining).rejects.toThrow(message);
    await expect(joining).rejects.toBeInstanceOf(TypeError);
  });

  it("joins later if PostgreSQL has no connection left, and reports what was wrong", async () => {
    const server = new FakePostgres();
    server.refusal = answerOf("53300", "too many clients");
    const member = newMember();
    member.wanted.add("tea");
    const membership = await join(server, member);
    expect(member.lines).toEqual(["down too many clients"]);
    await expect(membership.subscribe("tea")).rejects.toMatchObject({ code: "DOWN" });
    server.refusal = undefined;
    await expect.poll(() => member.lines.slice(-2)).toEqual(["up", "gap"]);
    expect(server.clients.at(-1)!.lines).toContain('LISTEN "framewire:tea"');
    await membership.leave(leave);
  });

  it("keeps trying if a password is refused that was accepted before", async () => {
    const server = new FakePostgres();
    const member = newMember();
    const membership = await join(server, member);
    server.refusal = answerOf("28P01", "wrong password");
    server.clients[0]!.tell("end");
    await expect.poll(() => member.lines).toContain("down wrong password");
    server.refusal = undefined;
    await expect.poll(() => member.lines.slice(-2)).toEqual(["up", "gap"]);
    await membership.leave(leave);
  });

  it("unsubscribes from topics that are no longer wanted when it has subscribed again", async () => {
    const server = new FakePostgres();
    const member = newMember();
    const membership = await join(server, member);
    for (const topic of ["tea", "milk"]) member.wanted.add(topic);
    const { state } = member;
    Object.assign(member, {
      state(now: "up" | "down", reason: unknown) {
        if (now === "up") member.wanted.delete("milk");
        state(now, reason);
      },
    });
    server.clients[0]!.tell("end");
    await expect.poll(() => member.lines).toContain("gap");
    await expect.poll(() => server.clients.at(-1)!.lines.at(-1)).toBe('UNLISTEN "framewire:milk"');
    await membership.leave(leave);
  });

  it("does not connect any more once it has left", async () => {
    const [server, other] = [new FakePostgres(), new FakePostgres()];
    server.refusal = other.refusal = new Error("away");
    const [left, trying] = await Promise.all([join(server), join(other)]);
    await left.leave(leave);
    const made = server.clients.length;
    await expect.poll(() => other.clients.length).toBeGreaterThan(20);
    expect(server.clients.length).toBe(made);
    await trying.leave(leave);
  });

  it("tells nothing of a connection that is lost while it leaves", async () => {
    const server = new FakePostgres();
    const member = newMember();
    const membership = await join(server, member);
    server.clients[0]!.answer = () => new Promise(() => {});
    const published = membership.publish("tea", new Uint8Array(1));
    const left = membership.leave(leave);
    await macrotask();
    server.clients[0]!.tell("end");
    await expect(published).rejects.toMatchObject({ code: "DOWN" });
    await left;
    expect(member.lines).toEqual([]);
  });

  it("leaves while its second session connects", async () => {
    const server = new FakePostgres();
    const member = newMember();
    const membership = await join(server, member);
    const late = newDeferred<void>();
    const pending = server.clients.length;
    server.connecting = () => late.promise;
    server.clients[1]!.tell("end");
    await expect.poll(() => server.clients.length).toBe(pending + 2);
    await membership.leave(leave);
    late.resolve();
    await macrotask();
    expect(server.clients.slice(-2).map(({ lines }) => lines)).toEqual([
      ["connect", "end", "destroy"],
      ["connect", "end", "destroy"],
    ]);
    expect(member.lines).toEqual(["down PostgreSQL has ended the connection"]);
  });
});
