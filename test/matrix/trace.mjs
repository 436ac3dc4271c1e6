/**
 * What one side of a scenario sees, as lines: the same on every runtime, or it is a bug.
 */

/** Bytes of a pattern, the same everywhere: the one at index i is i modulo 251, a prime. */
export function patternOf(size) {
  return Uint8Array.from({ length: size }, (_, i) => i % 251);
}

/** FNV-1a of text or bytes: enough to tell two contents apart. */
function digest(data) {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** The name of an error's class, and its code, or what it says where it has none. */
function toldError(error) {
  const { name, code, message, status } = error;
  if (typeof code !== "string") return `${name}: ${message}`;
  return name === "DialError" || name === "ClosedError"
    ? `${name} ${code} ${status}`
    : `${name} ${code}`;
}

/** Any value as a few words: contents whole where they are short, by size and digest where they are long. */
export function told(value) {
  if (typeof value === "string") {
    if (value.length <= 60) return JSON.stringify(value);
    return `text of ${value.length}, ${digest(value)}`;
  }
  if (value instanceof Uint8Array) {
    if (value.length <= 16) return `bytes [${value.join(" ")}]`;
    return `bytes of ${value.length}, ${digest(value)}`;
  }
  if (value instanceof Error) return toldError(value);
  if (value !== null && typeof value === "object" && "initiator" in value)
    return toldClosure(value);
  return JSON.stringify(value) ?? "undefined";
}

/** How a connection ended, all of it. */
function toldClosure({ status, reason, clean, initiator, error }) {
  const words = [status, ...(reason === "" ? [] : [JSON.stringify(reason)])];
  words.push(clean ? "clean" : "unclean", `by ${initiator}`);
  return `${words.join(" ")}${error === undefined ? "" : `, ${toldError(error)}`}`;
}

/** How long anything may take that takes milliseconds where all is well. */
const patience = 10_000;

/** Waits, but not for ever. */
export async function within(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took more than 10 s`)), patience);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

const quiet = new WeakSet();

/** Marks a handler whose calls are not noted: how often it is called is the system's business. */
export function quietly(handler) {
  quiet.add(handler);
  return handler;
}

/** Handlers that are noted whether or not a scenario has something to do in them. */
const always = ["open", "error", "close"];

/**
 * The lines of one side. Connections whose URL ends in a question mark and a name have lines of their own, since nothing
 * says in which order things come about on two connections.
 */
export class Trace {
  #lines = [];
  #named = new Map();
  #pending = [];
  #marks = new Map();

  get lines() {
    const lines = [...this.#lines];
    for (const name of [...this.#named.keys()].sort()) {
      for (const line of this.#named.get(name).lines) lines.push(`${name}: ${line}`);
    }
    return lines;
  }

  /** The lines of the connections to a target. */
  of(target = "") {
    const [, name] = target.split("?");
    if (name === undefined) return this;
    if (!this.#named.has(name)) this.#named.set(name, new Trace());
    return this.#named.get(name);
  }

  note(line) {
    this.#lines.push(line);
  }

  /** Notes what comes of a promise; gives its value, undefined where it rejects. */
  outcome(name, promise) {
    const noted = promise.then(
      (value) => {
        this.note(`${name}: ${told(value)}`);
        return value;
      },
      (error) => this.note(`${name} fails: ${told(error)}`),
    );
    this.#pending.push(noted);
    return noted;
  }

  /** As {@link outcome}, of what is thrown at the call. */
  attempt(name, act) {
    try {
      return this.outcome(name, Promise.resolve(act()));
    } catch (error) {
      this.note(`${name} throws: ${told(error)}`);
      return Promise.resolve();
    }
  }

  /** All outcomes that were asked for have been noted. */
  async settled() {
    for (const noted of this.#pending) await noted;
  }

  /** Says that something has come about, to those of the same side that wait for it. */
  mark(name) {
    this.#mark(name).resolve();
  }

  /** Waits until something has come about. */
  marked(name) {
    return this.#mark(name).promise;
  }

  /** Handlers that write down what they see before they do what a scenario wants. */
  handlers(handlers = {}) {
    const noting = {};
    for (const name of new Set([...always, ...Object.keys(handlers)])) {
      const act = handlers[name];
      // Routes are no handler; a handler that is null is there to be noted only.
      const isPlain = quiet.has(act) || (typeof act === "object" && act !== null);
      noting[name] = isPlain ? act : (...values) => this.#event(name, act, values);
    }
    return noting;
  }

  #event(name, act, values) {
    const line = lineOf(name, values);
    if (line !== undefined) this.of(values[0]?.target).note(line);
    return act?.(...values);
  }

  #mark(name) {
    let mark = this.#marks.get(name);
    if (mark === undefined) {
      mark = {};
      mark.promise = new Promise((resolve) => {
        mark.resolve = resolve;
      });
      this.#marks.set(name, mark);
    }
    return mark;
  }
}

/** The line of an event, undefined for those that scenarios write themselves. */
function lineOf(name, [first, second]) {
  switch (name) {
    case "open": {
      const { protocol, extensions } = first;
      return `open${protocol && ` with ${protocol}`}${extensions && ` with ${extensions}`}`;
    }
    case "message":
    case "ping":
    case "pong":
    case "error":
    case "close":
      return `${name} ${told(second)}`;
    case "drain":
      return name;
    case "stream":
      return `stream of ${second.isText ? "text" : "bytes"}`;
    case "refused":
      return `refused ${first.code} ${first.status}${first.cause ? `, ${told(first.cause)}` : ""}`;
    default:
      return undefined;
  }
}
