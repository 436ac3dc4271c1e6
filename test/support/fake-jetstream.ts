import type { NatsConnection, NatsHeaders, NatsMessage } from "../../adapters/nats/index.ts";

/** Headers as both clients have them. */
export function newHeaders(fields: Record<string, string> = {}): NatsHeaders {
  const map = new Map(Object.entries(fields));
  return { get: (name) => map.get(name) ?? "", set: (name, value) => void map.set(name, value) };
}

/** A message with a text. */
export function messageOf(text: string, more: Partial<NatsMessage> = {}): NatsMessage {
  return { subject: "", data: new TextEncoder().encode(text), ...more };
}

/** A connection to a JetStream that answers as it is told. */
export interface FakeJetStream extends NatsConnection {
  /** What was asked for, without "$JS.API.". */
  readonly lines: string[];
  /** Gives the answer to a question, to be spelled as JSON. */
  answer: (what: string, question: Record<string, unknown>) => unknown;
  /** What is sent to the subject to which a consumer's messages go. */
  messages: readonly NatsMessage[];
}

export function newJetStream(): FakeJetStream {
  const lines: string[] = [];
  const inboxes = new Map<string, (error: null, message: NatsMessage) => void>();
  const fake: FakeJetStream = {
    lines,
    answer: () => ({}),
    messages: [],
    publish(subject, _, { reply = "" } = {}) {
      lines.push(subject.replace("$JS.API.", ""));
      for (const message of fake.messages) inboxes.get(reply)!(null, message);
    },
    async request(subject, payload) {
      const what = subject.replace("$JS.API.", "");
      lines.push(what);
      const text = new TextDecoder().decode(payload);
      const question = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
      return messageOf(JSON.stringify(fake.answer(what, question)));
    },
    subscribe(subject, { callback }) {
      inboxes.set(subject, callback);
      return { unsubscribe: () => void inboxes.delete(subject) };
    },
    flush: async () => {},
    close: async () => {},
    closed: () => new Promise(() => {}),
    async *status() {},
  };
  return fake;
}
