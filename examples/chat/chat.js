// A chat room: what one says, all hear. The same for every runtime; each has a file beside this one that starts it.
import { checkOrigin, prepareMessage } from "framewire";

/**
 * Makes the handlers of a chat room.
 *
 * @param {string} page What a browser gets that opens the address.
 * @returns {import("framewire").ServerHandlers<{ name: string }>}
 */
export function chatRoom(page) {
  /** @type {Set<import("framewire").Connection<{ name: string }>>} */
  const people = new Set();

  /** @param {object} event */
  function tellAll(event) {
    const message = prepareMessage(JSON.stringify(event));
    for (const person of people) void person.send(message);
  }

  return {
    http(request) {
      if (request.path !== "/") return { status: 404, body: "Not found\n" };
      return { headers: [["Content-Type", "text/html; charset=utf-8"]], body: page };
    },

    upgrade(request) {
      // Only the page of this very server may connect: other sites' scripts could otherwise speak for their visitors.
      checkOrigin(request, "same");
      const name = request.query.get("name") ?? "";
      return { context: { name: name.slice(0, 40) || "somebody" } };
    },

    open(ws) {
      people.add(ws);
      tellAll({ type: "joined", name: ws.context.name, people: people.size });
    },

    message(ws, data) {
      if (typeof data !== "string") return void ws.close(1003, "Text only, please");
      tellAll({ type: "said", name: ws.context.name, text: data });
    },

    close(ws) {
      people.delete(ws);
      tellAll({ type: "left", name: ws.context.name, people: people.size });
    },
  };
}
