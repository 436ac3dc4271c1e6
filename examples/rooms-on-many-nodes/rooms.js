// The handlers of a room's connections. A connection is in one room, which its path names. Its query has the user's name, and the
// position of the last message that the page has, if it has any.
import process from "node:process";
import { route } from "framewire";

/** @typedef {import("framewire").Position} Position */

const roomPattern = /^[a-z0-9-]{1,32}$/;
const longestName = 32;
const longestId = 64;
const longestText = 1000;

/**
 * The position of a page without messages. No history has this position, so that the page gets all that is kept.
 *
 * @type {Position}
 */
const beginning = { epoch: "", offset: "0" };

/**
 * Adds its position to a message. A page that was cut off sends the position of its last message, and gets the later ones.
 *
 * @param {import("framewire").Data} said
 * @param {Position} position
 */
export function stamp(said, position) {
  return JSON.stringify({ ...JSON.parse(String(said)), position });
}

/**
 * @param {{
 *   node: string,
 *   publish: (room: string, text: string) => import("framewire").Published,
 *   people: import("./people.js").People,
 *   hasHistory: boolean,
 *   canBeKilled: boolean,
 * }} node
 */
export function roomHandlers({ node, publish, people, hasHistory, canBeKilled }) {
  return route({
    upgrade({ params: { room = "" }, query }) {
      // Everybody may use any name here. An application checks a login in this place, as examples/auth does.
      const name = query.get("name")?.trim() ?? "";
      if (!roomPattern.test(room)) return { status: 404, body: "No such room\n" };
      if (name === "" || name.length > longestName) return { status: 400, body: "No name\n" };
      const [epoch, offset] = [query.get("epoch"), query.get("offset")];
      // An invented position does no harm: as with `beginning`, no history has it.
      const since = epoch === null || offset === null ? undefined : { epoch, offset };
      return { context: { room, name, since } };
    },

    async open(ws) {
      const { room, since } = ws.context;
      const { complete, position } = await ws.subscribe(room, { since: since ?? beginning });
      // Redis is away, so that the node cannot know what the page has missed. The page comes again later.
      if (hasHistory && position === undefined) return void ws.close(1013, "Try again later");
      const isMissing = hasHistory && since !== undefined && !complete;
      await ws.send(JSON.stringify({ here: { node, position, isMissing, canBeKilled } }));
      await people.enter(ws);
    },

    async message(ws, data) {
      if (ws.state !== "open") return; // An earlier message was refused, and closed the connection.
      const { id, text, kill } = read(data);
      if (kill === true && canBeKilled) return void process.kill(process.pid, "SIGKILL");
      if (!isText(id, longestId) || !isText(text, longestText)) {
        return void ws.close(1008, `An id and a text of 1 to ${longestText} characters, please`);
      }
      const { room, name } = ws.context;
      try {
        // The next message waits until Redis has this one. So messages keep their order, even if one is refused and sent again.
        await publish(room, JSON.stringify({ id, name, text, at: Date.now() })).carried;
      } catch (error) {
        console.log(`not carried: ${error}`);
        void ws.close(1013, "Try again later"); // The page comes again, and sends again what it has not seen in the room.
      }
    },

    close: (ws) => people.leave(ws),
  });
}

/** @param {import("framewire").Data} data @returns {Record<string, unknown>} */
function read(data) {
  try {
    return Object(JSON.parse(String(data)));
  } catch {
    return {};
  }
}

/** @param {unknown} value @param {number} longest @returns {value is string} */
function isText(value, longest) {
  return typeof value === "string" && value !== "" && value.length <= longest;
}
