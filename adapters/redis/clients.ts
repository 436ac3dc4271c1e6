/**
 * node-redis and ioredis, as one: what a backplane needs of a client, and how either of them gives it.
 *
 * Both try again by themselves when a connection is lost. Neither is let keep commands meanwhile, since it would keep them without
 * bounds: what waits is the server's own business.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/**
 * A client of node-redis (`createClient(...)`) or of ioredis (`new Redis(...)`), with its options as they are to be. It is only
 * copied, by its own `duplicate`, and need not be connected.
 */
export interface RedisClient {
  /** Makes another client with the same options. */
  duplicate(...options: never[]): unknown;
}

/** What is told of a connection. */
export interface LinkOwner {
  /** It is open, and may be used. */
  ready(): void;
  /** It is not open any more, or could not be opened; it will be tried again. */
  lost(error: unknown): void;
  /** A message has come on a channel. */
  message(channel: string, bytes: Uint8Array): void;
}

/** One connection to Redis. */
export interface RedisLink {
  /** Opens it, and again whenever it is lost. Never throws: the owner is told. */
  open(): void;
  publish(channel: string, bytes: Uint8Array): Promise<unknown>;
  subscribe(channels: readonly string[]): Promise<unknown>;
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  ping(): Promise<unknown>;
  /** Runs a script in Redis. Its texts come as bytes. */
  run(
    script: string,
    keys: readonly string[],
    values: readonly (string | Uint8Array)[],
  ): Promise<unknown>;
  /** Ends it, behind what was sent. */
  end(): Promise<unknown>;
  /** Drops it at once. */
  drop(): void;
}

/** Makes a connection. */
export type NewLink = (owner: LinkOwner) => RedisLink;

type Listener = (...values: never[]) => void;

/** What is used of node-redis. */
interface NodeRedis {
  duplicate(options: object): NodeRedis;
  on(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  close(): Promise<unknown>;
  destroy(): void;
  readonly isReady: boolean;
  publish(channel: string, message: Buffer): Promise<unknown>;
  subscribe(channels: string[], listener: Listener, asBuffers: true): Promise<unknown>;
  unsubscribe(channels: string[], listener: Listener, asBuffers: true): Promise<unknown>;
  sendCommand(command: (string | Buffer)[], options: object): Promise<unknown>;
  sPublish: NodeRedis["publish"];
  sSubscribe: NodeRedis["subscribe"];
  sUnsubscribe: NodeRedis["unsubscribe"];
}

/** What is used of ioredis. */
interface IoRedis {
  duplicate(options: object): IoRedis;
  on(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  quit(): Promise<unknown>;
  disconnect(): void;
  publish(channel: string, message: Buffer): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  callBuffer(command: string, ...values: (string | Buffer)[]): Promise<unknown>;
  spublish: IoRedis["publish"];
  ssubscribe: IoRedis["subscribe"];
  sunsubscribe: IoRedis["unsubscribe"];
}

/**
 * Gives what makes connections with the options of a client.
 *
 * @param sharded Whether they use sharded pub/sub: SPUBLISH, SSUBSCRIBE.
 * @throws {TypeError} It is a client of neither.
 */
export function linksOf(client: RedisClient, sharded: boolean): NewLink {
  const { sSubscribe, ssubscribe } = (client as Partial<NodeRedis & IoRedis> | undefined) ?? {};
  if (typeof sSubscribe === "function") {
    return (owner) => nodeRedisLink(client as unknown as NodeRedis, sharded, owner);
  }
  if (typeof ssubscribe === "function") {
    return (owner) => ioRedisLink(client as unknown as IoRedis, sharded, owner);
  }
  throw new TypeError(
    "client must be one of node-redis, such as createClient(), or of ioredis, such as new Redis()",
  );
}

function nodeRedisLink(template: NodeRedis, sharded: boolean, owner: LinkOwner): RedisLink {
  const client = template.duplicate({ disableOfflineQueue: true });
  // One for all channels: node-redis knows by it what to unsubscribe.
  const listener = (bytes: Buffer, channel: Buffer): void => {
    owner.message(channel.toString(), bytes);
  };
  client.on("ready", () => {
    owner.ready();
  });
  client.on("error", (error: Error) => {
    if (!client.isReady) owner.lost(error);
  });
  return {
    open() {
      client.connect().catch((error: unknown) => {
        owner.lost(error);
      });
    },
    publish: (channel, bytes) =>
      sharded
        ? client.sPublish(channel, asBuffer(bytes))
        : client.publish(channel, asBuffer(bytes)),
    subscribe: (channels) =>
      sharded
        ? client.sSubscribe([...channels], listener, true)
        : client.subscribe([...channels], listener, true),
    unsubscribe: (channels) =>
      sharded
        ? client.sUnsubscribe([...channels], listener, true)
        : client.unsubscribe([...channels], listener, true),
    ping: () => client.ping(),
    run: (...script) => client.sendCommand(["EVAL", ...valuesOf(...script)], asBuffers),
    end: () => client.close(),
    drop() {
      try {
        client.destroy();
      } catch {
        // It says that it is closed already.
      }
    },
  };
}

function ioRedisLink(template: IoRedis, sharded: boolean, owner: LinkOwner): RedisLink {
  const client = template.duplicate({
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResubscribe: false,
    // What is under way when a connection is lost is refused at once. Without the second, ioredis 6 forgets it: nobody is told.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // It would be put in front of the channels that are subscribed to, and not of those that are published on.
    keyPrefix: "",
  });
  let lastError: unknown;
  client.on("ready", () => {
    owner.ready();
  });
  client.on("error", (error: Error) => {
    lastError = error;
  });
  client.on("close", () => {
    owner.lost(lastError ?? new Error("Connection is closed"));
    lastError = undefined;
  });
  client.on(sharded ? "smessageBuffer" : "messageBuffer", (channel: Buffer, bytes: Buffer) => {
    owner.message(channel.toString(), bytes);
  });
  return {
    open() {
      // "close" tells, too.
      client.connect().catch(() => {});
    },
    publish: (channel, bytes) =>
      sharded
        ? client.spublish(channel, asBuffer(bytes))
        : client.publish(channel, asBuffer(bytes)),
    subscribe: (channels) =>
      sharded ? client.ssubscribe(...channels) : client.subscribe(...channels),
    unsubscribe: (channels) =>
      sharded ? client.sunsubscribe(...channels) : client.unsubscribe(...channels),
    ping: () => client.ping(),
    run: (...script) => client.callBuffer("EVAL", ...valuesOf(...script)),
    end: () => client.quit(),
    drop() {
      client.disconnect();
    },
  };
}

/** Tells node-redis to give bulk strings, whose mark in the protocol is "$", as bytes. */
const asBuffers = { typeMapping: { [0x24]: Buffer } };

/** What stands behind EVAL. */
function valuesOf(
  script: string,
  keys: readonly string[],
  values: readonly (string | Uint8Array)[],
): (string | Buffer)[] {
  const bytes = values.map((value) => (typeof value === "string" ? value : asBuffer(value)));
  return [script, String(keys.length), ...keys, ...bytes];
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
