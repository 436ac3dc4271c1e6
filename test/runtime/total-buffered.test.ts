import { afterEach, describe, expect, it } from "vitest";
import type { Connection } from "../../src/connection/connection.ts";
import { newDeferred } from "../../src/deferred.ts";
import { LimitError } from "../../src/errors.ts";
import { Ends } from "../support/ends.ts";
import { macrotask } from "../support/turns.ts";
import { runtime } from "../support/runtime.ts";

/** Peers of one server that do not read, over real sockets, and the bound for what all of them leave unsent. */

const ends = new Ends();

afterEach(() => ends.finish());

const MiB = 1024 ** 2;
const chunk = new Uint8Array(256 * 1024);

/** Sends until so many bytes are unsent, or the connection is over; gives the number of messages. */
async function fill(ws: Connection, bytes: number): Promise<number> {
  let count = 0;
  while (ws.state === "open" && ws.bufferedAmount < bytes) {
    void ws.send(chunk).catch(() => {});
    count++;
    await macrotask();
  }
  return count;
}

describe(`maxTotalBufferedAmount on ${runtime}`, () => {
  it("drops the peer that leaves the most unsent, and no other: they get all that was sent", async () => {
    const errors: { ws: Connection; error: unknown }[] = [];
    const { server } = await ends.serve(
      { error: (ws, error) => void errors.push({ ws, error }) },
      { maxTotalBufferedAmount: 8 * MiB, maxBufferedAmount: 0 },
    );
    const opened = [];
    for (let i = 0; i < 3; i++) opened.push(await ends.open(server));
    for (const { client } of opened) client.pause();
    const [first, second, third] = server.connections as [Connection, Connection, Connection];
    const sent = [await fill(first, MiB), undefined, await fill(third, 3 * MiB)];
    await fill(second, 2 * MiB);
    // All of it is less than the limit.
    expect(errors).toEqual([]);

    await fill(second, Infinity);
    expect(errors).toHaveLength(1);
    expect(errors[0]!.ws).toBe(second);
    expect(errors[0]!.error).toBeInstanceOf(LimitError);
    expect(errors[0]!.error).toMatchObject({ code: "TOO_MUCH_BUFFERED", limit: 8 * MiB });
    expect(server.counters.queued).toBeLessThanOrEqual(7 * MiB);
    await second.closed;
    expect(server.connections.map((ws) => [first, second, third].indexOf(ws))).toEqual([0, 2]);

    for (const { client } of opened) client.resume();
    await Promise.all([first.close(), third.close()]);
    const came = opened.map(
      ({ peer }) => peer.lines.filter((line) => line === `binary ${chunk.length} bytes`).length,
    );
    expect([came[0], came[2]]).toEqual([sent[0], sent[2]]);
  });

  it("counts for nothing what is taken, or is gone with its connection", async () => {
    const over = newDeferred<void>();
    let left = 4;
    const { server } = await ends.serve(
      {
        close() {
          if (--left === 0) over.resolve();
        },
      },
      { maxTotalBufferedAmount: 4 * MiB, maxBufferedAmount: 0 },
    );
    // Each is filled up to most of the limit, and then dropped, with what it has left unsent.
    for (let i = 0; i < 4; i++) {
      const { client } = await ends.open(server);
      client.pause();
      const [ws] = server.connections;
      await fill(ws!, 3 * MiB);
      expect(ws!.state).toBe("open");
      ws!.terminate();
      await ws!.closed;
    }
    await over.promise;
  });
});
