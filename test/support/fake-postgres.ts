import type {
  PostgresClient,
  PostgresQuery,
  PostgresResult,
} from "../../adapters/postgres/index.ts";

/** A client that answers as it is told, and writes down what it is asked. */
export class FakeClient implements PostgresClient {
  /** "connect", the text of each command, "end", "destroy". */
  readonly lines: string[] = [];
  readonly queries: PostgresQuery[] = [];
  /** What answers a command. Default: no rows. */
  answer: (query: PostgresQuery) => Promise<PostgresResult> = async () => ({ rows: [] });
  connecting: () => Promise<unknown> = async () => {};
  readonly #listeners = new Map<string, (value?: never) => void>();

  /** As far as what drops a client looks into it. */
  readonly connection = { stream: { destroy: (): void => void this.lines.push("destroy") } };

  on(event: string, listener: (...values: never[]) => void): void {
    this.#listeners.set(event, listener as () => void);
  }

  connect(): Promise<unknown> {
    this.lines.push("connect");
    return this.connecting();
  }

  query(query: PostgresQuery): Promise<PostgresResult> {
    this.lines.push(query.text);
    this.queries.push(query);
    return this.answer(query);
  }

  async end(): Promise<void> {
    this.lines.push("end");
  }

  /** Tells what has become of it. */
  tell(event: string, value?: unknown): void {
    this.#listeners.get(event)!(value as never);
  }
}

/** A server in memory for them, that knows LISTEN and pg_notify alone, as framewire asks for them. */
export class FakePostgres {
  readonly clients: FakeClient[] = [];
  readonly #listening = new Map<string, Set<FakeClient>>();
  /** What it says to all who connect. */
  refusal: Error | undefined;
  /** Tells which of its processes serves a client. Default: each has its own. */
  pidOf = (client: FakeClient): number => this.clients.indexOf(client);
  /** What they wait for. Default: nothing. */
  connecting: () => Promise<unknown> = async () => {};

  /** Makes a client. */
  readonly newClient = (): FakeClient => {
    const client = new FakeClient();
    this.clients.push(client);
    client.connecting = async () => {
      await this.connecting();
      if (this.refusal !== undefined) throw this.refusal;
    };
    client.answer = async (query) => this.#answer(client, query);
    return client;
  };

  /** Tells all who listen to a channel. */
  notify(channel: string, payload: string): void {
    for (const client of this.#listening.get(channel) ?? []) {
      client.tell("notification", { channel, payload });
    }
  }

  #answer(client: FakeClient, { text, values = [] }: PostgresQuery): PostgresResult {
    for (const [, command, channel] of text.matchAll(/\b(LISTEN|UNLISTEN) "(.*?)"/g)) {
      const clients = this.#listening.get(channel!) ?? new Set();
      this.#listening.set(channel!, clients);
      if (command === "LISTEN") clients.add(client);
      else clients.delete(client);
    }
    if (text.includes("pg_notify")) {
      const [channels, payloads] = values.slice(-2).map((value) => [value].flat() as string[]);
      for (const [at, channel] of channels!.entries()) this.notify(channel, payloads?.[at] ?? "");
    }
    return { rows: text.includes("pg_backend_pid") ? [{ pid: this.pidOf(client) }] : [] };
  }
}

/** Makes an error as PostgreSQL's client gives it. */
export function answerOf(code: string, message: string = code): Error {
  return Object.assign(new Error(message), { severity: "ERROR", code });
}
