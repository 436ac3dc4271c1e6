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
  /** Redis has ended subscriptions by itself: in a cluster their slots are another node's now, or nobody's. */
  unsubscribed(): void;
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
  /** Asks ROLE: an array that begins with "master", or "slave" of a replica. */
  role(): Promise<unknown>;
  /** Runs a script in Redis. Its texts come as bytes. */
  run(
    script: string,
    keys: readonly string[],
    values: readonly (string | Uint8Array)[],
  ): Promise<unknown>;
  /** Drops it and opens another one, with the same options: the owner is told that it is lost, and when it is ready. */
  reopen(): void;
  /** Ends it, behind what was sent. */
  end(): Promise<unknown>;
  /** Drops it at once. */
  drop(): void;
}

/** Makes a connection. */
export type NewLink = (owner: LinkOwner) => RedisLink;

/** What Redis itself says begins with a code; what a client says of its connection does not. */
export const refusal: RegExp = /^[A-Z][A-Z0-9]+ /;

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

/** What clients of a whole cluster have: ioredis' is like one of a single Redis, but for this, and so is that of node-redis. */
interface AnyCluster {
  readonly isCluster: boolean;
  readonly nodeByAddress: unknown;
}

/**
 * Gives what makes connections with the options of a client.
 *
 * @param sharded Whether they use sharded pub/sub: SPUBLISH, SSUBSCRIBE.
 * @throws {TypeError} It is a client of neither, or one of a cluster.
 */
export function linksOf(client: RedisClient, sharded: boolean): NewLink {
  const { sSubscribe, ssubscribe, isCluster, nodeByAddress } =
    (client as Partial<NodeRedis & IoRedis & AnyCluster> | undefined) ?? {};
  if (isCluster === true || nodeByAddress !== undefined) {
    throw new TypeError(
      "client must be one of a single Redis: one of a whole cluster is not supported, one of any of its nodes is",
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
  /** Whether the client has subscribed to something, as it then does again by itself each time it connects. */
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
      // What it may subscribe to no more would keep it from connecting for ever.
      if (this.#hasSubscribed && refusal.test(error.message)) this.#replace(error);
      else this.#owner.lost(error);
    });
    client.on("sharded-channel-moved", () => {
      if (client === this.#client) this.#owner.unsubscribed();
    });
    return client;
  }

  /** Takes another client, which has subscribed to nothing. */
  #replace(reason: Error): void {
    destroy(this.#client);
    this.#client = this.#newClient();
    this.#hasSubscribed = false;
    this.#owner.lost(reason);
    this.open();
  }

  /** One for all channels: node-redis knows by it what to unsubscribe. */
  readonly #listener = (bytes: Buffer, channel: Buffer): void => {
    this.#owner.message(channel.toString(), bytes);
  };
}

/** Ends a client at once, whatever state it is in. */
function destroy(client: NodeRedis): void {
  try {
    client.destroy();
  } catch {
    // It says that it is closed already.
  }
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
  client.on("moved", () => {
    owner.unsubscribed();
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
