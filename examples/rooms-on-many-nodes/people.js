// Who is in which room, on all nodes. Each node tells those who are connected to it.
import { prepareMessage } from "framewire";
import { presenceOf } from "framewire/nodes";

/** @typedef {import("framewire").Connection<{ room: string, name: string }>} Person */

export class People {
  #presence;
  /** Connections of this node, by room. @type {Map<string, Set<Person>>} */
  #here = new Map();

  /** @param {import("framewire/nodes").Nodes} nodes */
  constructor(nodes) {
    /** @type {import("framewire/nodes").PresenceHandlers} */
    const handlers = {
      joined: (room, { key }) => this.tell(room, { joined: key }),
      left: (room, { key }) => this.tell(room, { left: key }),
    };
    this.#presence = presenceOf(nodes, {}, handlers);
  }

  /**
   * Enters the room until the connection ends. Tells the page who is there, and from then on who comes and goes.
   *
   * @param {Person} ws
   */
  async enter(ws) {
    if (ws.state !== "open") return; // The connection has ended meanwhile, and `leave` was called already.
    const { room, name } = ws.context;
    // All pages with the same name are one person.
    void this.#presence.enter(ws, room, name);
    const people = this.#presence.list(room).map(({ key }) => key);
    const here = this.#here.get(room) ?? new Set();
    this.#here.set(room, here.add(ws));
    await ws.send(JSON.stringify({ people }));
  }

  /** Forgets a connection that has ended. Its presence ends by itself. @param {Person} ws */
  leave(ws) {
    const { room } = ws.context;
    const here = this.#here.get(room);
    here?.delete(ws);
    if (here?.size === 0) this.#here.delete(room);
  }

  /** The rooms that somebody on this node is in. */
  get rooms() {
    return [...this.#here.keys()];
  }

  /** Sends an event to all pages of a room on this node. @param {string} room @param {object} event */
  tell(room, event) {
    const message = prepareMessage(JSON.stringify(event));
    for (const ws of this.#here.get(room) ?? []) void ws.send(message);
  }
}
