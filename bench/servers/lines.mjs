/**
 * Ways from one process to another by the clients of brokers as they are: what framewire's backplanes are compared with. Each gives
 * `subscribe(topic, listener)` and `publishAll(topic, bytes, count)`, which resolves when the broker has all of them.
 */

import { Buffer } from "node:buffer";

/** Calls so many times, and waits for all. */
function times(count, publish) {
  return Promise.all(Array.from({ length: count }, publish));
}

async function nodeRedis(port) {
  const { createClient } = await import("redis");
  const url = `redis://127.0.0.1:${port}`;
  const [publisher, listener] = await Promise.all([
    createClient({ url }).connect(),
    createClient({ url }).connect(),
  ]);
  return {
    publisher,
    subscribe: (topic, heard) => listener.subscribe(topic, heard, true),
    publishAll: (topic, bytes, count) =>
      times(count, () => publisher.publish(topic, Buffer.from(bytes.buffer))),
  };
}

async function ioRedis(port) {
  const { Redis } = await import("ioredis");
  const [publisher, listener] = [new Redis({ port }), new Redis({ port })];
  return {
    publisher,
    async subscribe(topic, heard) {
      await listener.subscribe(topic);
      listener.on("messageBuffer", (channel, bytes) => {
        if (channel.toString() === topic) heard(bytes);
      });
    },
    publishAll: (topic, bytes, count) =>
      times(count, () => publisher.publish(topic, Buffer.from(bytes.buffer))),
  };
}

/** As `redisStreams` does, without its script: a stream of some 1 000 entries, and a publication. */
function withStream(open, send) {
  return async (port) => {
    const line = await open(port);
    return {
      ...line,
      publishAll: (topic, bytes, count) =>
        times(2 * count, (_, at) =>
          at % 2 === 1
            ? line.publishAll(topic, bytes, 1)
            : send(line.publisher, [
                ...["XADD", `${topic}:log`, "MAXLEN", "~", "1000", "*", "e"],
                Buffer.from(bytes.buffer),
              ]),
        ),
    };
  };
}

function nats(name) {
  return async (port) => {
    const { connect } = await import(name);
    const connection = await connect({ servers: `127.0.0.1:${port}` });
    return {
      async subscribe(topic, heard) {
        connection.subscribe(topic, { callback: (_, { data }) => heard(data) });
        await connection.flush();
      },
      publishAll(topic, bytes, count) {
        for (let at = 0; at < count; at++) connection.publish(topic, bytes);
        return connection.flush();
      },
    };
  };
}

/** As `natsStreams` does, without headers: a stream of 1 000 messages a topic, which publishes what it keeps on "out.". */
function natsStream(name) {
  return async (port) => {
    const { connect } = await import(name);
    const connection = await connect({ servers: `127.0.0.1:${port}` });
    const config = {
      name: "bench",
      subjects: ["in.*"],
      storage: "file",
      max_msgs_per_subject: 1000,
      republish: { src: "in.*", dest: "out.{{wildcard(1)}}" },
    };
    // Both make it: the second is told that it is there.
    await connection.request("$JS.API.STREAM.CREATE.bench", JSON.stringify(config));
    return {
      async subscribe(topic, heard) {
        connection.subscribe(`out.${topic}`, { callback: (_, { data }) => heard(data) });
        await connection.flush();
      },
      publishAll: (topic, bytes, count) =>
        times(count, () => connection.request(`in.${topic}`, bytes)),
    };
  };
}

async function postgres(port) {
  const { Client } = (await import("pg")).default;
  const open = async () => {
    const client = new Client({ host: "127.0.0.1", port, user: "bench", database: "postgres" });
    await client.connect();
    return client;
  };
  const [publisher, listener] = await Promise.all([open(), open()]);
  return {
    async subscribe(topic, heard) {
      await listener.query(`LISTEN "${topic}"`);
      listener.on("notification", ({ channel, payload }) => {
        if (channel === topic) heard(Buffer.from(payload, "base64"));
      });
    },
    publishAll: (topic, bytes, count) =>
      times(count, () => publisher.query("SELECT pg_notify($1, $2)", [topic, asText(bytes)])),
  };
}

/** The parent passes on what it gets, and answers what says `done`. */
async function cluster() {
  const listeners = new Map();
  const waiting = [];
  process.on("message", ({ topic, bytes, done }) => {
    if (done) waiting.shift()();
    else listeners.get(topic)?.(typeof bytes === "string" ? Buffer.from(bytes, "base64") : bytes);
  });
  const form = process.argv[3] === "node" ? (bytes) => bytes : asText;
  return {
    async subscribe(topic, heard) {
      listeners.set(topic, heard);
    },
    publishAll(topic, bytes, count) {
      for (let at = 0; at < count; at++) process.send({ topic, bytes: form(bytes) });
      return new Promise((resolve) => {
        waiting.push(resolve);
        process.send({ done: true });
      });
    },
  };
}

function asText(bytes) {
  return Buffer.from(bytes.buffer).toString("base64");
}

async function workers() {
  const channel = new globalThis.BroadcastChannel("bench");
  const listeners = new Map();
  channel.onmessage = ({ data: { topic, bytes } }) => listeners.get(topic)?.(bytes);
  return {
    async subscribe(topic, heard) {
      listeners.set(topic, heard);
    },
    async publishAll(topic, bytes, count) {
      for (let at = 0; at < count; at++) channel.postMessage({ topic, bytes });
    },
  };
}

/** By the driver's name. */
export const bare = {
  cluster,
  workers,
  "redis by node-redis": nodeRedis,
  "redis by ioredis": ioRedis,
  "redis streams by node-redis": withStream(nodeRedis, (client, command) =>
    client.sendCommand(command),
  ),
  "redis streams by ioredis": withStream(ioRedis, (client, [name, ...values]) =>
    client.call(name, ...values),
  ),
  "nats by nats.js 2": nats("nats"),
  "nats by nats.js 3": nats("@nats-io/transport-node"),
  "nats streams by nats.js 2": natsStream("nats"),
  "nats streams by nats.js 3": natsStream("@nats-io/transport-node"),
  postgres,
};
