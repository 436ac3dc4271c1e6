import { describe, expect, it } from "vitest";
import { Link } from "../../../adapters/postgres/link.ts";
import { MessageRows } from "../../../adapters/postgres/rows.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { answerOf, FakeClient } from "../../support/fake-postgres.ts";
import { macrotask } from "../../support/turns.ts";

/** Over a real table: test/runtime/postgres.test.ts. Here is what one does seldom. */

const node = "0123456789abcdef".repeat(2);

async function newRows(time = 60_000) {
  const client = new FakeClient();
  const link = new Link(client, 60_000, { lost: () => {}, notified: () => {} });
  await link.open();
  client.lines.length = 0;
  const rows = new MessageRows('"t"', time, node);
  rows.deleteBy(link);
  return { client, link, rows };
}

const verbs = (client: FakeClient): string[] => client.lines.map((line) => line.split(" ")[0]!);

describe("MessageRows", () => {
  it.each(["23505", "42P07", "42710"])(
    "uses the table that another server makes at the same time (%s)",
    async (code) => {
      const { client, link, rows } = await newRows();
      let isThere = false;
      client.answer = async ({ text }) => {
        if (text.startsWith("CREATE")) {
          isThere = true;
          throw answerOf(code);
        }
        if (!isThere) throw answerOf("42P01");
        return { rows: [] };
      };
      await rows.publish(link, "a", "r", new Uint8Array(3));
      expect(verbs(client)).toEqual(["WITH", "CREATE", "WITH"]);
      rows.stop();
      link.drop();
    },
  );

  it("says why the table cannot be made, or is still not there", async () => {
    const { client, link, rows } = await newRows();
    client.answer = async ({ text }) => {
      throw answerOf(text.startsWith("CREATE") ? "42501" : "42P01");
    };
    const bytes = new Uint8Array(3);
    await expect(rows.publish(link, "a", "r", bytes)).rejects.toMatchObject({ code: "42501" });
    client.answer = async ({ text }) => {
      if (text.startsWith("CREATE")) return { rows: [] };
      throw answerOf("42P01");
    };
    await expect(rows.publish(link, "a", "r", bytes)).rejects.toMatchObject({ code: "42P01" });
    rows.stop();
    link.drop();
  });

  it("gives each row an id that no other server's row has, and knows its own rows", async () => {
    const { client, link, rows } = await newRows();
    for (let at = 0; at < 2; at++) await rows.publish(link, "a", "r", new Uint8Array(at));
    const ids = client.queries.map(({ values }) => values![0] as string);
    expect(ids).toEqual([`${node}.1`, `${node}.2`]);
    expect(client.queries[1]!.values!.slice(2)).toEqual(["a", `r${node}.2`]);
    expect(ids.every((id) => rows.isId(id) && rows.isOwn(id))).toBe(true);
    expect(rows.isOwn(`${"0".repeat(32)}.1`)).toBe(false);
    for (const text of ["", node, `${node}.`, `${node}.1 `, `'${node}.1`]) {
      expect(rows.isId(text)).toBe(false);
    }
    rows.stop();
    link.drop();
  });

  it("deletes until no row is left, and again when there is another", async () => {
    const { client, link, rows } = await newRows(1);
    let left = 3;
    client.answer = async ({ text }) => {
      if (!text.includes("DELETE")) return { rows: [] };
      if (left === 2) {
        left--;
        throw answerOf("55P03");
      }
      return { rows: [{ are_left: --left > 0 }] };
    };
    const deletions = (): number => client.lines.filter((line) => line.includes("DELETE")).length;
    await rows.publish(link, "a", "r", new Uint8Array(3));
    await expect.poll(() => left).toBe(0);
    expect(deletions()).toBe(3);
    await rows.publish(link, "a", "r", new Uint8Array(3));
    await expect.poll(deletions).toBe(4);
    rows.stop();
    link.drop();
  });

  it("deletes a row whose table is made for it, however long that takes", async () => {
    const { client, link, rows } = await newRows(1);
    const gate = newDeferred<void>();
    let isThere = false;
    const events: string[] = [];
    client.answer = async ({ text }) => {
      if (text.startsWith("CREATE")) {
        await gate.promise;
        isThere = true;
        return { rows: [] };
      }
      if (!isThere) throw answerOf("42P01");
      events.push(text.includes("DELETE") ? "deletion" : "row");
      return { rows: [{ are_left: false }] };
    };
    const publishing = rows.publish(link, "a", "r", new Uint8Array(3));
    for (let turns = 0; turns < 20; turns++) await macrotask();
    gate.resolve();
    await publishing;
    await expect.poll(() => events).toEqual(["row", "deletion"]);
    rows.stop();
    link.drop();
  });

  it("deletes nothing if there is no table any more, or if the server has left", async () => {
    const { client, link, rows } = await newRows(1);
    client.answer = async ({ text }) => {
      if (text.includes("DELETE")) throw answerOf("42P01");
      return { rows: [] };
    };
    await rows.publish(link, "a", "r", new Uint8Array(3));
    await expect.poll(() => client.lines.length).toBe(2);
    rows.stop();
    await rows.publish(link, "a", "r", new Uint8Array(3));
    expect(verbs(client)).toEqual(["WITH", "WITH", "WITH"]);
    link.drop();
  });

  it("gives the content of a row, and nothing of one that is gone", async () => {
    const { client, link, rows } = await newRows();
    client.answer = async () => ({ rows: [{ envelope: "AQ\nID" }] });
    expect([...(await rows.read(link, "a"))!]).toEqual([1, 2, 3]);
    client.answer = async () => ({ rows: [] });
    expect(await rows.read(link, "a")).toBeUndefined();
    link.drop();
  });
});
