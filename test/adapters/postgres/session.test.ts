import { describe, expect, it } from "vitest";
import { NotNotifiedError } from "../../../adapters/postgres/client.ts";
import { MessageRows } from "../../../adapters/postgres/rows.ts";
import { Session } from "../../../adapters/postgres/session.ts";
import { newMember } from "../../support/backplane-member.ts";
import { FakePostgres } from "../../support/fake-postgres.ts";

async function newSession(server = new FakePostgres(), timeout = 60_000) {
  const member = newMember();
  const lost: unknown[] = [];
  const session = new Session({
    member,
    prefix: "p:",
    timeout,
    rows: new MessageRows('"t"', 60_000, member.id),
    newClient: server.newClient,
    lost: (_, error) => void lost.push(error),
  });
  await session.open();
  const [publishing, listening] = server.clients as [
    FakePostgres["clients"][0],
    FakePostgres["clients"][0],
  ];
  listening.lines.length = 0;
  return { server, member, session, lost, publishing, listening };
}

describe("Session", () => {
  it("does not open where PostgreSQL has one connection for both, as a pooler may lend it", async () => {
    const server = new FakePostgres();
    server.pidOf = () => 7;
    await expect(newSession(server)).rejects.toThrow(NotNotifiedError);
  });

  it("does not open where notifications come on the connection that publishes, as a pooler may lend it", async () => {
    const server = new FakePostgres();
    server.notify = (channel, payload) => {
      server.clients[0]!.tell("notification", { channel, payload });
    };
    await expect(newSession(server)).rejects.toThrow(NotNotifiedError);
  });

  it("does not open where a notification comes with the answer to a command only", async () => {
    const server = new FakePostgres();
    const { notify } = server;
    server.notify = (channel, payload) => {
      if (payload !== "unasked") notify.call(server, channel, payload);
    };
    await expect(newSession(server, 1)).rejects.toThrow(NotNotifiedError);
  });

  it("waits no more for its notification when it is dropped", async () => {
    const server = new FakePostgres();
    const member = newMember();
    const session = new Session({
      ...{ member, prefix: "p:", timeout: 60_000, newClient: server.newClient },
      rows: new MessageRows('"t"', 60_000, member.id),
      lost() {},
    });
    const { notify } = server;
    server.notify = (channel, payload) => {
      if (payload === "unasked") session.drop();
      else notify.call(server, channel, payload);
    };
    await expect(session.open()).rejects.toMatchObject({ code: "DOWN" });
  });

  it("asks at once for all that is subscribed to in a turn, in its order", async () => {
    const { session, listening } = await newSession();
    await Promise.all([
      session.listen(["a"]),
      session.unlisten("a"),
      session.listen(["a"]),
      session.listen(["b b"]),
    ]);
    expect(listening.lines).toEqual(['LISTEN "p:a";UNLISTEN "p:a";LISTEN "p:a";LISTEN "p:b%20b"']);
    session.drop();
  });

  it("bounds what it asks for in one command", async () => {
    const { session, listening } = await newSession();
    await session.listen(Array.from({ length: 2500 }, (_, at) => `${at}`));
    expect(listening.lines.map((line) => line.split(";").length)).toEqual([1000, 1000, 500]);
    session.drop();
  });

  it("delivers by their names what it listens to, and no other", async () => {
    const { server, session, member } = await newSession();
    await session.listen(["a b", "c"]);
    await session.unlisten("c");
    await session.publish("a b", Uint8Array.of(1));
    server.clients[1]!.tell("notification", { channel: "p:c", payload: "eAg==" });
    expect(member.lines).toEqual(["a b: 1"]);
    session.drop();
  });

  it("lets go what is not wanted any more", async () => {
    const { session, listening } = await newSession();
    await session.listen(["a", "b", "c"]);
    session.keepOnly(["b"]);
    await expect.poll(() => listening.lines.at(-1)).toBe('UNLISTEN "p:a";UNLISTEN "p:c"');
    session.drop();
  });

  it.each([0, 1])(
    "drops both connections where one is lost (%s), and tells it once",
    async (at) => {
      const { server, lost } = await newSession();
      const error = new Error("gone");
      server.clients[at]!.tell("error", error);
      server.clients[1 - at]!.tell("error", new Error("too"));
      expect(lost).toEqual([error]);
      expect(server.clients.map(({ lines }) => lines.at(-1))).toEqual(["destroy", "destroy"]);
    },
  );

  it("lets out what is published when it ends, and is then not lost by the ends of its connections", async () => {
    const { session, lost, publishing, listening } = await newSession();
    const published = session.publish("a", Uint8Array.of(1));
    await session.end();
    await published;
    for (const client of [publishing, listening]) client.tell("end");
    expect(publishing.lines.slice(-2)).toEqual([expect.stringContaining("pg_notify"), "end"]);
    expect(lost).toEqual([]);
  });
});
