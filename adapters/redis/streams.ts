/**
 * A backplane over Redis or Valkey that keeps what is published: pub/sub as ever, and a stream for each topic.
 *
 * Two scripts do all of it, each of which Redis runs as one: so the channel has messages in the order of the stream, and a message that
 * is given twice is kept once.
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

/** How publications are kept in Redis. */
export interface RedisStreamsOptions extends RedisBackplaneOptions {
  /**
   * Messages of each topic that are kept at least, where there were so many: MAXLEN ~, so that some more may be kept. Default: 1 000.
   */
  readonly history?: number | undefined;
  /** Milliseconds that a topic is kept after its last message. Default: 86 400 000, a day; 0 or Infinity for no limit. */
  readonly historyTime?: number | undefined;
  /** Tells which topics have a history: the same on all servers. Default: all. */
  readonly keeps?: ((topic: string) => boolean) | undefined;
}

const streamsTable: OptionTable<RedisStreamsOptions> = /* @__PURE__ */ (() => ({
  ...table,
  history: number,
  historyTime: milliseconds,
  keeps: callback,
}))();

/**
 * Makes a backplane that keeps what is published, of a client for Redis 6.2 and later, or Valkey.
 *
 * @param client As of `redisBackplane`.
 * @throws {TypeError} As `redisBackplane`. @throws {RangeError} A number is NaN or below 0; `history` is 0.
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

/** What both scripts begin with: a topic whose stream or epoch is lost begins anew. KEYS: stream, epoch. ARGV: a new epoch, time. */
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
 * Keeps a message and publishes it; gives the epoch and its id, or no id where it was kept before, and others of its publisher behind it.
 * One that was given behind another is not taken in front of that: it may be that Redis refused the other a moment ago.
 * KEYS: the publisher's last message, too. ARGV: most messages, series, sequence number, PUBLISH, channel, envelope; series and number of
 * the message that this one was given behind, "" for none.
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
 * Reads what is behind a position; gives the epoch, up to where, whether it is complete and has more, then ids and envelopes.
 * ARGV: the position's epoch and its id, "" for none. A page has 64 messages at the most, and ends at a mebibyte.
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

/** An id of a stream. */
const ids = /^(?:0|\d{1,20}-\d{1,20})$/;

class RedisStreams implements RedisHistory {
  readonly keeps: (topic: string) => boolean;
  readonly #most: string;
  readonly #time: string;
  readonly #prefix: string;
  readonly #command: string;
  /** Of each server and topic the last message that Redis has not answered, and how many such there are. */
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
    // Without a place it is none of ours, which is for the server to count.
    if (words.length !== 3) member.deliver(topic, bytes);
    else
      member.deliver(topic, bytes.subarray(end + 1), { epoch: epoch!, offset: offset! }, previous);
  }

  async read(link: RedisLink, topic: string, since: Position | undefined): Promise<HistoryPage> {
    const isOurs =
      since !== undefined && typeof since.offset === "string" && ids.test(since.offset);
    // A position that can be none is of another epoch.
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

  /** The keys of a topic, which are on one node of a cluster. */
  #keys(topic: string): [stream: string, epoch: string] {
    const key = `{${this.#prefix}${topic}}`;
    return [`${key}:log`, `${key}:epoch`];
  }
}

/** Of who finds that a topic has none; that of whoever comes first counts. */
function newEpoch(): string {
  const id = crypto.getRandomValues(new Uint8Array(nodeIdSize));
  return spellNode(latin1(id, 0, nodeIdSize));
}

function spell(bytes: Uint8Array): string {
  return latin1(bytes, 0, bytes.length);
}
