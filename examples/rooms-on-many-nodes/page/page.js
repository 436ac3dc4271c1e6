// This file shows a room. What users have written is put into the page as text, and never as HTML.
import { Room } from "./room.js";

/** How many lines the log keeps. */
const mostLines = 500;

/** @param {string} id @returns {any} */
const element = (id) => document.getElementById(id);
const [enter, say, log, lines, waiting] = ["enter", "say", "log", "lines", "waiting"].map(element);
const main = element("main");
/** @type {Room | undefined} */
let room;

/** @param {string} name @param {string} text */
function newElement(name, text, properties = {}) {
  return Object.assign(document.createElement(name), { textContent: text, ...properties });
}

/** @param {"here" | "away" | "out"} state @param {string} text */
function setStatus(state, text) {
  element("status").dataset.state = state;
  element("status").textContent = text;
}

/** @param {Element} line */
function addLine(line) {
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 50;
  lines.append(line);
  if (lines.childElementCount > mostLines) lines.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight; // A user who has scrolled up stays there.
}

/** @type {import("./room.js").View} */
const view = {
  here({ node, canBeKilled }) {
    setStatus("here", `on node ${node}`);
    element("kill").hidden = !canBeKilled;
  },
  away(reason) {
    setStatus("away", reason ? `away: ${reason}` : "away: comes back");
    view.people([]); // The page does not learn now who comes and goes.
  },
  people(names) {
    element("people").replaceChildren(...names.map((name) => newElement("li", name)));
  },
  said({ id, name, text, at }) {
    element(id)?.remove();
    const line = newElement("li", "");
    const time = newElement("time", new Date(at).toLocaleTimeString(), {
      dateTime: new Date(at).toISOString(),
    });
    line.append(time, newElement("b", name), newElement("span", text));
    addLine(line);
  },
  waits(id, text) {
    waiting.append(newElement("li", text, { id }));
  },
  missing() {
    addLine(newElement("li", "Some messages are not kept any more.", { className: "note" }));
  },
  left(reason) {
    setStatus("out", reason ? `not connected: ${reason}` : "not connected");
    element("title").textContent = "Rooms";
    [enter.hidden, main.hidden] = [false, true];
  },
};

enter.addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  const name = enter.elements.name.value.trim();
  const topic = enter.elements.room.value;
  for (const list of [lines, waiting]) list.replaceChildren();
  element("title").textContent = topic;
  setStatus("away", "connecting");
  [enter.hidden, main.hidden] = [true, false];
  room = new Room(topic, name, view);
  say.elements.text.focus();
});

say.addEventListener("submit", (/** @type {Event} */ event) => {
  event.preventDefault();
  const { text } = say.elements;
  if (text.value.trim() !== "" && room?.say(text.value)) text.value = "";
});
element("kill").addEventListener("click", () => room?.kill());
element("leave").addEventListener("click", () => room?.leave());
