/**
 * A backplane over Redis or Valkey that keeps what is published: each topic has a stream beside its channel.
 *
 * Theory of operation. One script keeps and publishes a message, another reads a history. Redis runs a script in one step. So
 * messages come on the channel in the order of the stream, and a message that is given twice is kept once.
 *
 * @module
 */

import { checkLimit, checkMilliseconds } from "../../src/arguments.ts";
import { latin1, readUint32 } from "../../src/bytes.ts";
import {
  callback,
  checkOptions,
  milliseconds,
  number,
  type OptionTable,
} from "../../src/check-options.ts";
import type { Backplane } from "../../src/connection/backplane/backplane.ts";
import { nodeIdSize, spellNode } from "../../src/connection/backplane/envelope.ts";
import { histories } from "../../src/connection/backplane/histories.ts";
import type {
  HistoryEntry,
  HistoryPage,
  Position,
} from "../../src/connection/backplane/history.ts";
import { isReserved } from "../../src/connection/backplane/reserved.ts";
import { joinOf, type RedisBackplaneOptions, type RedisHistory, table } from "./backplane.ts";
import type { RedisClient, RedisLink } from "./clients.ts";

/** Says how Redis keeps publications. */
export interface RedisStreamsOptions extends RedisBackplaneOptions {
  /**
   * How many messages of each topic are kept at least. Redis may keep some more, since it trims by MAXLEN ~. Default: 1 000.
   */
  readonly history?: number | undefined;
  /**
   * How many milliseconds a topic's history is kept after its last message. Default: 86 400 000, a day; 0 or Infinity for no
   * limit.
   */
  readonly historyTime?: number | undefined;
  /** Tells whether a topic has a history. It must give the same answers on all servers. Default: all topics have one. */
  readonly keeps?: ((topic: string) => boolean) | undefined;
}

const streamsTable: OptionTable<RedisStreamsOptions> = /* @__PURE__ */ (() => ({
  ...table,
  history: number,
  historyTime: milliseconds,
  keeps: callback,
}))();

/**
 * Makes a backplane that keeps what is published. It takes a client for Redis 6.2 and later, or Valkey.
 *
 * @param client The same as for `redisBackplane`.
 * @throws {TypeError} In the same cases as `redisBackplane`. @throws {RangeError} A number is NaN or below 0; `history` is 0.
 */
export function redisStreams(client: RedisClient, options: RedisStreamsOptions = {}): Backplane {
  checkOptions(options, streamsTable);
  const { history = 1000, historyTime = 86_400_000, prefix, sharded } = options;
  checkLimit("history", history);
  if (history === 0)
    throw new RangeError("history must be 1 or more: redisBackplane() keeps nothing");
  checkMilliseconds("historyTime", historyTime);
  const time = historyTime === Infinity ? 0 : historyTime;
  const keeps = (topic: string): boolean => !isReserved(topic) && (options.keeps?.(topic) ?? true);
  const streams = new RedisStreams(history, time, keeps, prefix ?? "framewire:", sharded ?? false);
  return { histories, keeps, join: joinOf(client, options, streams) };
}

/**
 * Both scripts begin with this: a topic that has lost its stream or epoch begins anew. KEYS: stream, epoch. ARGV: new epoch,
 * time.
 */
const begin = `
local epoch, last, added = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'last', 'added'))
if not epoch or (last ~= '0' and redis.call('EXISTS', KEYS[1]) == 0) then
  epoch, last, added = ARGV[1], '0', 0
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'last', last, 'added', added)
end
local function keep(key)
  if ARGV[2] ~= '0' then redis.call('PEXPIRE', key, ARGV[2]) end
end
`;

/**
 * Keeps a message and publishes it. Gives the epoch and the message's id; or the epoch alone, if the message was kept before and
 * later ones of its publisher are kept, too. If the message in front of it is still missing, it is refused: Redis may just have
 * refused that. KEYS, then: the publisher's last message. ARGV, then: most messages, series, sequence number, PUBLISH, channel,
 * envelope; series and number of the message that was given to Redis just before this one and had no answer yet, or "".
 */
const publishScript: string = /* @__PURE__ */ begin.concat(`
local seen = redis.call('GET', KEYS[3])
if seen then
  local series, sequence, id = string.match(seen, '(%d+) (%d+) (.+)')
  local old = tonumber(ARGV[4]) - tonumber(series)
  if old == 0 then old = tonumber(ARGV[5]) - tonumber(sequence) end
  if old == 0 then return {epoch, id} end
  if old < 0 then return {epoch} end
end
if ARGV[9] ~= '' and string.sub(seen or '', 1, #ARGV[9] + 1) ~= ARGV[9] .. ' ' then
  return redis.error_reply('TRYAGAIN Not behind ' .. ARGV[9])
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'e', ARGV[8])
redis.call('HSET', KEYS[2], 'last', id, 'added', added + 1)
redis.call('SET', KEYS[3], ARGV[4] .. ' ' .. ARGV[5] .. ' ' .. id, 'PX', 600000)
keep(KEYS[1])
keep(KEYS[2])
redis.call(ARGV[6], ARGV[7], epoch .. ' ' .. id .. ' ' .. last .. '\\n' .. ARGV[8])
return {epoch, id}
`);

/**
 * Reads the messages after a position. Gives the epoch, the id up to which it has read, whether the page is complete (1 or 0),
 * whether there is more (1 or 0), then ids and envelopes. ARGV, then: the position's epoch and its id, "" for no position. A page
 * has at most 64 messages, and ends once it has a mebibyte.
 */
const readScript: string = /* @__PURE__ */ begin.concat(`
keep(KEYS[2])
local since = ARGV[4]
if since == '' then return {epoch, last, 1, 0} end
local complete = ARGV[3] == epoch
if complete and since ~= last then
  if since == '0' then
    complete = redis.call('XLEN', KEYS[1]) == tonumber(added)
  else
    complete = #redis.call('XRANGE', KEYS[1], since, since) == 1
  end
end
local from = '-'
if complete and since ~= '0' then from = '(' .. since end
local page, bytes, up = {epoch, last, complete and 1 or 0, 0}, 0, nil
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 64)) do
  if bytes >= 1048576 then break end
  up = entry[1]
  bytes = bytes + #entry[2][2]
  page[#page + 1] = up
  page[#page + 1] = entry[2][2]
end
if up then
  page[2] = up
  page[4] = up ~= last and 1 or 0
end
return page
`);

/** The form of an id in a stream, and the highest value of its two numbers. Redis fails for a higher one. */
const ids = /^(?:0|\d{1,20}-\d{1,20})$/;
const highest = 0xffff_ffff_ffff_ffffn;

function isId(offset: string): boolean {
  return ids.test(offset) && offset.split("-").every((number) => BigInt(number) <= highest);
}

class RedisStreams implements RedisHistory {
  readonly keeps: (topic: string) => boolean;
  readonly #most: string;
  readonly #time: string;
  readonly #prefix: string;
  readonly #command: string;
  /** By server and topic: the last message that Redis has not answered yet, and the number of such messages. */
  readonly #underWay = new Map<string, { place: string; count: number }>();

  constructor(
    most: number,
    time: number,
    keeps: (topic: string) => boolean,
    prefix: string,
    sharded: boolean,
  ) {
    this.#most = String(Math.min(Math.ceil(most), Number.MAX_SAFE_INTEGER));
    this.#time = String(Math.ceil(time));
    this.keeps = keeps;
    this.#prefix = prefix;
    this.#command = sharded ? "SPUBLISH" : "PUBLISH";
  }

  async publish(
    link: RedisLink,
    topic: string,
    envelope: Uint8Array,
  ): Promise<Position | undefined> {
    const node = spellNode(latin1(envelope, 4, 4 + nodeIdSize));
    const series = readUint32(envelope, 20);
    const sequence = readUint32(envelope, 24) * 2 ** 32 + readUint32(envelope, 28);
    const [stream, epochKey] = this.#keys(topic);
    const last = `${stream}:${node}`;
    const underWay = this.#underWay.get(last) ?? { place: "", count: 0 };
    const before = underWay.place;
    underWay.place = `${series} ${sequence}`;
    if (underWay.count++ === 0) this.#underWay.set(last, underWay);
    try {
      const answer = await link.run(
        publishScript,
        [stream, epochKey, last],
        [
          ...[newEpoch(), this.#time, this.#most, String(series), String(sequence)],
          ...[this.#command, this.#prefix + topic, envelope, before],
        ],
      );
      const [epoch, id] = answer as Uint8Array[];
      return id === undefined ? undefined : { epoch: spell(epoch!), offset: spell(id) };
    } finally {
      if (--underWay.count === 0) this.#underWay.delete(last);
    }
  }

  deliver(
    member: { deliver(topic: string, envelope: Uint8Array, at?: Position, before?: string): void },
    topic: string,
    bytes: Uint8Array,
  ): void {
    const end = bytes.indexOf(0x0a);
    const words = end < 0 || end > 128 ? [] : latin1(bytes, 0, end).split(" ");
    const [epoch, offset, previous] = words;
    // A message without a position is not framewire's: the server drops and counts it.
    if (words.length !== 3) member.deliver(topic, bytes);
    else
      member.deliver(topic, bytes.subarray(end + 1), { epoch: epoch!, offset: offset! }, previous);
  }

  async read(link: RedisLink, topic: string, since: Position | undefined): Promise<HistoryPage> {
    const isOurs = since !== undefined && typeof since.offset === "string" && isId(since.offset);
    // A position that this driver cannot have given counts as one of another epoch.
    const epoch = isOurs ? String(since.epoch) : "";
    const offset = since === undefined ? "" : isOurs ? since.offset : "0";
    const values = [newEpoch(), this.#time, epoch, offset];
    const answer = (await link.run(readScript, this.#keys(topic), values)) as [
      ...[Uint8Array, Uint8Array, number, number],
      ...Uint8Array[],
    ];
    const [now, upTo, complete, more, ...rest] = answer;
    const entries: HistoryEntry[] = [];
    const at = (id: Uint8Array): Position => ({ epoch: spell(now), offset: spell(id) });
    for (let index = 0; index < rest.length; index += 2) {
      entries.push({ position: at(rest[index]!), envelope: rest[index + 1]! });
    }
    return { entries, complete: complete === 1, position: at(upTo), more: more === 1 };
  }

  /** Gives the keys of a topic. The braces put them on one node of a cluster. */
  #keys(topic: string): [stream: string, epoch: string] {
    const key = `{${this.#prefix}${topic}}`;
    return [`${key}:log`, `${key}:epoch`];
  }
}

/** Makes a random epoch. A script uses it only if the topic has none. */
function newEpoch(): string {
  const id = crypto.getRandomValues(new Uint8Array(nodeIdSize));
  return spellNode(latin1(id, 0, nodeIdSize));
}

function spell(bytes: Uint8Array): string {
  return latin1(bytes, 0, bytes.length);
}
