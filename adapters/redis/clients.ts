/**
 * Gives node-redis and ioredis one interface, with what a backplane needs of a client.
 *
 * Both clients connect again by themselves when a connection is lost. Neither may keep commands meanwhile, since it would keep
 * them without a limit. The server itself keeps the messages that wait, within limits.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/**
 * A client of node-redis (`createClient(...)`) or of ioredis (`new Redis(...)`), with the options that the connections shall
 * have. The backplane only copies it, by its `duplicate`, so that it need not be connected.
 */
export interface RedisClient {
  /** Makes another client with the same options. */
  duplicate(...options: never[]): unknown;
}

/** Gets the events of a connection. */
export interface LinkOwner {
  /** The connection is open, and may be used. */
  ready(): void;
  /** The connection is lost, or could not be opened. The client tries again. */
  lost(error: unknown): void;
  /** Redis has ended subscriptions by itself: in a cluster, another node has their slots now, or none has them. */
  unsubscribed(): void;
  /** A message has come on a channel. */
  message(channel: string, bytes: Uint8Array): void;
}

/** One connection to Redis. */
export interface RedisLink {
  /** Opens the connection, and opens it again whenever it is lost. Never throws: the owner gets the errors. */
  open(): void;
  publish(channel: string, bytes: Uint8Array): Promise<unknown>;
  subscribe(channels: readonly string[]): Promise<unknown>;
  unsubscribe(channels: readonly string[]): Promise<unknown>;
  ping(): Promise<unknown>;
  /** Runs ROLE. Resolves with an array that begins with "master", or with "slave" for a replica. */
  role(): Promise<unknown>;
  /** Runs a script in Redis. Texts in its answer come as bytes. */
  run(
    script: string,
    keys: readonly string[],
    values: readonly (string | Uint8Array)[],
  ): Promise<unknown>;
  /** Drops the connection and opens another with the same options. The owner gets `lost`, and then `ready`. */
  reopen(): void;
  /** Ends the connection after all that was sent. */
  end(): Promise<unknown>;
  /** Drops the connection at once. */
  drop(): void;
}

/** Makes a connection. */
export type NewLink = (owner: LinkOwner) => RedisLink;

/** An error of Redis itself: it begins with a code. An error that a client makes of its connection does not. */
export const refusal: RegExp = /^[A-Z][A-Z0-9]+ /;

type Listener = (...values: never[]) => void;

/** The part of node-redis that is used. */
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

/** The part of ioredis that is used. */
interface IoRedis {
  duplicate(options: object): IoRedis;
  on(event: string, listener: Listener): unknown;
  connect(): Promise<unknown>;
  ping(): Promise<unknown>;
  quit(): Promise<unknown>;
  disconnect(reconnect?: boolean): void;
  publish(channel: string, message: Buffer): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  call(command: string): Promise<unknown>;
  callBuffer(command: string, ...values: (string | Buffer)[]): Promise<unknown>;
  spublish: IoRedis["publish"];
  ssubscribe: IoRedis["subscribe"];
  sunsubscribe: IoRedis["unsubscribe"];
}

/**
 * Fields that only clients of several Redis have: of a whole cluster `isCluster` in ioredis, `nodeByAddress` in node-redis; of
 * Sentinel `getMasterNode` in node-redis. A client of ioredis that asks Sentinel is one of a single Redis.
 */
interface AnyGroup {
  readonly isCluster: boolean;
  readonly nodeByAddress: unknown;
  readonly getMasterNode: unknown;
}

/**
 * Gives a function that makes connections with the options of a client.
 *
 * @param sharded Whether they use sharded pub/sub: SPUBLISH, SSUBSCRIBE.
 * @throws {TypeError} The client is neither of node-redis nor of ioredis, or it is one of a whole cluster, or of Sentinel by node-redis.
 */
export function linksOf(client: RedisClient, sharded: boolean): NewLink {
  const { sSubscribe, ssubscribe, isCluster, nodeByAddress, getMasterNode } =
    (client as Partial<NodeRedis & IoRedis & AnyGroup> | undefined) ?? {};
  if (isCluster === true || nodeByAddress !== undefined) {
    throw new TypeError(
      "client must be one of a single Redis: one of a whole cluster is not supported, one of any of its nodes is",
    );
  }
  if (getMasterNode !== undefined) {
    // It does not tell when it is ready and when its connection is lost.
    throw new TypeError(
      "client must be one of a single Redis: createSentinel() of node-redis is not supported, ioredis with its option sentinels is",
    );
  }
  if (typeof sSubscribe === "function") {
    return (owner) => new NodeRedisLink(client as unknown as NodeRedis, sharded, owner);
  }
  if (typeof ssubscribe === "function") {
    return (owner) => ioRedisLink(client as unknown as IoRedis, sharded, owner);
  }
  throw new TypeError(
    "client must be one of node-redis, such as createClient(), or of ioredis, such as new Redis()",
  );
}

class NodeRedisLink implements RedisLink {
  readonly #template: NodeRedis;
  readonly #sharded: boolean;
  readonly #owner: LinkOwner;
  #client: NodeRedis;
  /** Whether the client has subscribed to something. If so, it subscribes again by itself each time it connects. */
  #hasSubscribed = false;

  constructor(template: NodeRedis, sharded: boolean, owner: LinkOwner) {
    this.#template = template;
    this.#sharded = sharded;
    this.#owner = owner;
    this.#client = this.#newClient();
  }

  open(): void {
    const client = this.#client;
    client.connect().catch((error: unknown) => {
      if (client === this.#client) this.#owner.lost(error);
    });
  }

  publish(channel: string, bytes: Uint8Array): Promise<unknown> {
    const message = asBuffer(bytes);
    return this.#sharded
      ? this.#client.sPublish(channel, message)
      : this.#client.publish(channel, message);
  }

  subscribe(channels: readonly string[]): Promise<unknown> {
    this.#hasSubscribed = true;
    return this.#sharded
      ? this.#client.sSubscribe([...channels], this.#listener, true)
      : this.#client.subscribe([...channels], this.#listener, true);
  }

  unsubscribe(channels: readonly string[]): Promise<unknown> {
    return this.#sharded
      ? this.#client.sUnsubscribe([...channels], this.#listener, true)
      : this.#client.unsubscribe([...channels], this.#listener, true);
  }

  ping(): Promise<unknown> {
    return this.#client.ping();
  }

  role(): Promise<unknown> {
    return this.#client.sendCommand(["ROLE"], {});
  }

  run(...script: Parameters<RedisLink["run"]>): Promise<unknown> {
    return this.#client.sendCommand(["EVAL", ...valuesOf(...script)], asBuffers);
  }

  reopen(): void {
    this.#replace(new Error("Connection is opened anew"));
  }

  end(): Promise<unknown> {
    return this.#client.close();
  }

  drop(): void {
    destroy(this.#client);
  }

  #newClient(): NodeRedis {
    const client = this.#template.duplicate({ disableOfflineQueue: true });
    client.on("ready", () => {
      if (client === this.#client) this.#owner.ready();
    });
    client.on("error", (error: Error) => {
      if (client !== this.#client || client.isReady) return;
      // Once Redis refuses a channel, node-redis would ask for it at each attempt, fail, and never connect.
      if (this.#hasSubscribed && refusal.test(error.message)) this.#replace(error);
      else this.#owner.lost(error);
    });
    client.on("sharded-channel-moved", () => {
      if (client === this.#client) this.#owner.unsubscribed();
    });
    return client;
  }

  /** Replaces the client by another one, which has subscribed to nothing. */
  #replace(reason: Error): void {
    destroy(this.#client);
    this.#client = this.#newClient();
    this.#hasSubscribed = false;
    this.#owner.lost(reason);
    this.open();
  }

  /** One function for all channels, since node-redis needs the same function to unsubscribe. */
  readonly #listener = (bytes: Buffer, channel: Buffer): void => {
    this.#owner.message(channel.toString(), bytes);
  };
}

/** Ends a client at once, whatever state it is in. */
function destroy(client: NodeRedis): void {
  try {
    client.destroy();
  } catch {
    // The client throws if it is closed already.
  }
}

function ioRedisLink(template: IoRedis, sharded: boolean, owner: LinkOwner): RedisLink {
  const client = template.duplicate({
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResubscribe: false,
    // Commands under way are rejected at once when a connection is lost. Without the second option, ioredis 6 never settles them.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // ioredis would put the prefix in front of channels when it subscribes, but not when it publishes.
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
  client.on("moved", () => {
    owner.unsubscribed();
  });
  client.on(sharded ? "smessageBuffer" : "messageBuffer", (channel: Buffer, bytes: Buffer) => {
    owner.message(channel.toString(), bytes);
  });
  return {
    open() {
      // The event "close" reports the error, too.
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
    role: () => client.call("ROLE"),
    run: (...script) => client.callBuffer("EVAL", ...valuesOf(...script)),
    reopen() {
      client.disconnect(true);
    },
    end: () => client.quit(),
    drop() {
      client.disconnect();
    },
  };
}

/** Tells node-redis to give bulk strings, whose mark in the protocol is "$", as bytes. */
const asBuffers = { typeMapping: { [0x24]: Buffer } };

/** Gives the arguments of EVAL. */
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
