// A page's part of a room. Connections come and go. The page shows each message once. It sends each message of its user again
// until it has seen it in the room.
import { connect, reconnecting } from "framewire/browser";

/**
 * @typedef {{ epoch: string, offset: string }} Position
 * @typedef {{ id: string, name: string, text: string, at: number }} Message
 * @typedef {{ node: string, position?: Position, isMissing: boolean, canBeKilled: boolean }} Here
 * @typedef {import("framewire/browser").BrowserConnection} Connection
 */

/**
 * The functions that show what happens in a room.
 *
 * @typedef {object} View
 * @property {(here: Here) => void} here The page is in the room, on a node.
 * @property {(reason: string) => void} away The page has lost its connection, and tries to come back.
 * @property {(reason: string | undefined) => void} left The page has left, or may not come back.
 * @property {(names: readonly string[]) => void} people These users are in the room now.
 * @property {(message: Message) => void} said A message was said in the room.
 * @property {(id: string, text: string) => void} waits A message of this page has not been seen in the room yet.
 * @property {() => void} missing Some messages that were said in the room did not come.
 */

/** How many messages may wait until they are seen in the room. */
const mostUnheard = 100;
/** How many ids of messages are remembered. */
const mostSeen = 1000;

export class Room {
  #view;
  #feed;
  /** The position of the last message. The next connection goes on behind it. @type {Position | undefined} */
  #since;
  /**
   * Messages of this page that it has not seen in the room, by id, in order. The room may have them already.
   *
   * @type {Map<string, string>}
   */
  #unheard = new Map();
  /** The ids of messages that were shown, the last 1 000. @type {Set<string>} */
  #seen = new Set();
  /** The names of those who are in the room, on all nodes. @type {Set<string>} */
  #people = new Set();
  /** The connection, once all missed messages have come over it. @type {Connection | undefined} */
  #ready;

  /**
   * Enters a room, and stays there until `leave`.
   *
   * @param {string} room
   * @param {string} name
   * @param {View} view
   */
  constructor(room, name, view) {
    this.#view = view;
    const address = () => `/rooms/${room}?${new URLSearchParams({ name, ...this.#since })}`;
    const message = (/** @type {Connection} */ ws, /** @type {unknown} */ data) =>
      this.#take(ws, JSON.parse(String(data)));
    const open = (/** @type {{ signal: any }} */ { signal }) =>
      connect(address(), { signal, timeout: 5000 }, { message });
    this.#feed = reconnecting(open, {
      initialDelay: 500,
      maxDelay: 5000,
      disconnected: ({ closure }) => {
        if (closure === undefined) return; // An attempt has failed, and the page was away already.
        this.#ready = undefined;
        view.away(closure.reason);
      },
    });
    void this.#feed.closed.then(({ closure }) => view.left(closure?.reason));
  }

  /** Sends a message, or keeps it until there is a connection. @param {string} text @returns False if too many wait. */
  say(text) {
    if (this.#unheard.size >= mostUnheard) return false;
    // Nobody can guess this id, and use it for another message first. (Without TLS, a browser has no randomUUID().)
    const id = crypto.getRandomValues(new Uint32Array(4)).join("-");
    this.#unheard.set(id, text);
    this.#view.waits(id, text);
    if (this.#ready !== undefined) send(this.#ready, { id, text });
    return true;
  }

  /** Kills the node that the page is on, if that node allows it. */
  kill() {
    if (this.#ready !== undefined) send(this.#ready, { kill: true });
  }

  leave() {
    void this.#feed.close();
  }

  /** @param {Connection} ws @param {any} event */
  #take(ws, { here, people, joined, left, gap, ...message }) {
    if (here !== undefined) this.#arrive(ws, here);
    else if (people !== undefined) this.#setPeople(people);
    else if (joined !== undefined) this.#setPeople([...this.#people, joined]);
    else if (left !== undefined) this.#setPeople([...this.#people].filter((name) => name !== left));
    else if (gap !== undefined) this.#view.missing();
    else this.#hear(message);
  }

  /**
   * All missed messages have come. A message of this page that is not among them is not in the room, so that it is sent again.
   *
   * @param {Connection} ws
   * @param {Here} here
   */
  #arrive(ws, here) {
    this.#ready = ws;
    this.#since = here.position;
    if (here.isMissing) this.#view.missing();
    for (const [id, text] of this.#unheard) send(ws, { id, text });
    this.#view.here(here);
  }

  /** @param {readonly string[]} names */
  #setPeople(names) {
    this.#people = new Set(names);
    this.#view.people([...this.#people].sort());
  }

  /** @param {Message & { position?: Position }} message */
  #hear({ position, ...message }) {
    this.#since = position;
    this.#unheard.delete(message.id);
    // A message may be in the room twice, if a node that was killed had sent it and Redis got it after the page had read the
    // history.
    if (this.#seen.has(message.id)) return;
    this.#seen.add(message.id);
    const [oldest = ""] = this.#seen;
    if (this.#seen.size > mostSeen) this.#seen.delete(oldest);
    this.#view.said(message);
  }
}

/**
 * Sends a message. If it is lost with the connection, the next connection sends it again.
 *
 * @param {Connection} ws
 * @param {object} message
 */
function send(ws, message) {
  ws.send(JSON.stringify(message)).catch(() => {});
}
