import { describe, expect, it } from "vitest";
import { Deadlines } from "../../../src/clock.ts";
import { newDeferred } from "../../../src/deferred.ts";
import { Attempt } from "../../../src/handshake/attempt.ts";
import type { Choice } from "../../../src/handshake/server/agreement.ts";
import { CallbackNegotiation } from "../../../src/handshake/server/callback-negotiation.ts";
import type { UpgradeCallbacks } from "../../../src/handshake/server/upgrade-callbacks.ts";
import type { Option } from "../../../src/http/option.ts";
import { writeOptions } from "../../../src/http/option.ts";
import { HeadParser } from "../../../src/http/parser.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { macrotask } from "../../support/turns.ts";
import { requestFor, settled, textOf } from "../streams.ts";

type Callbacks = UpgradeCallbacks<string[]>;

interface Walk {
  readonly choice: Promise<Choice>;
  /** What the callbacks wrote down. */
  readonly lines: string[];
  readonly clock: FakeClock;
}

/** Goes through a request for "/chat" that has `headers` behind the usual ones. */
function walk(callbacks: Callbacks, ...headers: readonly string[]): Walk {
  const parser = new HeadParser("request");
  parser.feed(requestFor("/chat", ...headers));
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const attempt = new Attempt({ timeout: 1000, code: "HANDSHAKE_TIMEOUT", deadlines });
  const lines: string[] = [];
  const choice = new CallbackNegotiation(parser.head, callbacks, lines, attempt).run();
  return { choice, lines, clock };
}

const offersOf = (...lists: readonly string[]): string[] =>
  lists.map((list) => `Sec-WebSocket-Protocol: ${list}`);
const extensions = (...lists: readonly string[]): string[] =>
  lists.map((list) => `Sec-WebSocket-Extensions: ${list}`);

const nothing = { protocol: undefined, extensions: [], agreed: [] };

/** Each callback writes down what it gets; none of them chooses anything. */
const tracing: Callbacks = {
  onRequest: (target, lines) => void lines.push(`request ${textOf(target)}`),
  onHost: (host, lines) => void lines.push(`host ${textOf(host)}`),
  onHeader: (name, value, lines) => void lines.push(`${textOf(name)}: ${textOf(value)}`),
  protocol: (name, lines) => lines.push(`protocol ${textOf(name)}`) < 0,
  negotiate: (offer, lines) => void lines.push(`negotiate ${writeOptions([offer])}`),
};

/** The same, each later. */
const tracingLater: Callbacks = {
  onRequest: (target, lines) => later(() => tracing.onRequest!(target, lines)),
  onHost: (host, lines) => later(() => tracing.onHost!(host, lines)),
  onHeader: (name, value, lines) => later(() => tracing.onHeader!(name, value, lines)),
  protocol: (name, lines) => later(() => tracing.protocol!(name, lines)),
  negotiate: (offer, lines) => later(() => tracing.negotiate!(offer, lines)),
};

async function later<Result>(act: () => Result): Promise<Awaited<Result>> {
  await macrotask();
  return await act();
}

const mixed = [
  "x-FORWARDED-for: \t1.2.3.4 ",
  ...offersOf("chat, superchat"),
  "COOKIE: a=\u00E9",
  ...extensions("a, b; c=1"),
  "Sec-WebSocket-Accept: x",
  ...offersOf("third"),
  "cookie:",
  "1-a--B_c: d",
];

const mixedLines = [
  "request /chat",
  "host a.example",
  "X-Forwarded-For: 1.2.3.4",
  "protocol chat",
  "protocol superchat",
  "Cookie: a=\u00E9",
  "negotiate a",
  "negotiate b; c=1",
  "Sec-Websocket-Accept: x",
  "protocol third",
  "Cookie: ",
  "1-A--B_c: d",
];

describe("CallbackNegotiation.run()", () => {
  it.each([
    ["at once", tracing],
    ["later", tracingLater],
  ])("asks callbacks that answer %s, in the order of the wire", async (_, callbacks) => {
    const { choice, lines } = walk(callbacks, ...mixed);
    expect(await choice).toEqual(nothing);
    expect(lines).toEqual(mixedLines);
  });

  it.each<[name: keyof Callbacks, seen: RegExp]>([
    ["onRequest", /^request/],
    ["onHost", /^host/],
    ["onHeader", /^[\w-]+:/],
    ["protocol", /^protocol/],
    ["negotiate", /^negotiate/],
  ])("asks %s if it is the only one", async (name, seen) => {
    const { choice, lines } = walk({ [name]: tracing[name] }, ...mixed);
    await choice;
    expect(lines).toEqual(mixedLines.filter((line) => seen.test(line)));
    expect(lines).not.toEqual([]);
  });

  it("asks nothing if there are no callbacks, and reads no extensions", async () => {
    expect(await walk({}, ...mixed, ...extensions(";")).choice).toEqual(nothing);
  });

  it("calls callbacks as methods of their object", async () => {
    const callbacks: Callbacks & { seen: string[] } = {
      seen: [],
      onRequest() {
        this.seen.push("request");
      },
      onHeader() {
        this.seen.push("header");
      },
    };
    await walk(callbacks, "A: b").choice;
    expect(callbacks.seen).toEqual(["request", "header"]);
  });

  it("leaves views as they are until a callback's promise is settled", async () => {
    const seen: string[] = [];
    const { choice } = walk(
      {
        async onHeader(name, value) {
          await macrotask();
          seen.push(`${textOf(name)}: ${textOf(value)}`);
        },
      },
      "a: b",
      "c: d",
    );
    await choice;
    expect(seen).toEqual(["A: b", "C: d"]);
  });

  it("waits for promises that are not the runtime's own", async () => {
    const thenable = {
      then(_: unknown, onRejected: (reason: unknown) => void) {
        onRejected("no");
      },
    } as Promise<void>;
    const callbacks = [{ onRequest: () => thenable }, { onHeader: () => thenable }];
    for (const one of callbacks) {
      expect(await settled(walk(one, "A: b").choice)).toEqual({ error: "no" });
    }
  });

  it("ends with what a callback throws, and asks no other callback", async () => {
    const error = new Error("no");
    const { choice, lines } = walk(
      {
        ...tracing,
        onHost() {
          throw error;
        },
      },
      ...mixed,
    );
    expect(await settled(choice)).toEqual({ error });
    expect(lines).toEqual(["request /chat"]);
  });

  it.each<[name: keyof Callbacks, asked: number]>([
    ["onRequest", 1],
    ["onHost", 1],
    ["onHeader", 1],
    ["protocol", 1],
    ["negotiate", 1],
    ["protocolCustom", 1],
    ["extensionCustom", 1],
  ])("asks nothing more if time was up inside %s", async (name, asked) => {
    const answer = newDeferred<never>();
    let calls = 0;
    const callback = (): Promise<never> => {
      calls++;
      return answer.promise;
    };
    const { choice, clock } = walk({ [name]: callback }, ...mixed);
    await macrotask();
    clock.advance(2000);
    answer.resolve(undefined as never);
    expect(await settled(choice)).toMatchObject({ error: { code: "HANDSHAKE_TIMEOUT" } });
    expect(calls).toBe(asked);
  });
});

describe("UpgradeCallbacks.protocol()", () => {
  it.each<[answers: string[], protocol: string | undefined, asked: string[]]>([
    [["b"], "b", ["a", "b"]],
    [["c", "b"], "b", ["a", "b"]],
    [["c"], "c", ["a", "b", "c"]],
    [[], undefined, ["a", "b", "c", "d"]],
  ])(
    "chooses with %j the first subprotocol that it accepts: %s",
    async (answers, protocol, asked) => {
      const seen: string[] = [];
      const answer = (name: Uint8Array): boolean => {
        seen.push(textOf(name));
        return answers.includes(textOf(name));
      };
      const headers = offersOf("a, ,b", "c,d");
      expect((await walk({ protocol: answer }, ...headers).choice).protocol).toBe(protocol);
      expect(seen).toEqual(asked);
    },
  );
});

describe("UpgradeCallbacks.protocolCustom()", () => {
  it("is asked instead of protocol, header by header, until it chooses", async () => {
    const seen: string[] = [];
    const protocolCustom = (value: Uint8Array): string => {
      seen.push(textOf(value));
      return seen.length < 2 ? "" : "a";
    };
    const { choice, lines } = walk({ ...tracing, protocolCustom }, ...offersOf("a, b", "c", "d"));
    expect((await choice).protocol).toBe("a");
    expect(seen).toEqual(["a, b", "c"]);
    expect(lines).toEqual(["request /chat", "host a.example"]);
  });

  it("chooses none with an empty text", async () => {
    const { choice } = walk({ protocolCustom: () => "" }, ...offersOf("a"));
    expect(await choice).toEqual(nothing);
  });

  it("refuses the request with undefined", async () => {
    const { choice } = walk({ protocolCustom: () => Promise.resolve(undefined) }, ...offersOf("a"));
    const error = { name: "HandshakeError", code: "BAD_SUBPROTOCOL", status: 400 };
    expect(await settled(choice)).toMatchObject({ error });
  });

  it("may not choose what was not offered", async () => {
    const { choice } = walk({ protocolCustom: () => "b" }, ...offersOf("a"));
    await expect(choice).rejects.toThrow(TypeError);
  });
});

const option = (name: string, ...parameters: [string, string?][]): Option => ({ name, parameters });

describe("UpgradeCallbacks.negotiate()", () => {
  it("gets each offer of all headers, and gives what is agreed to", async () => {
    const seen: string[] = [];
    const negotiate = (offer: Option): Option | undefined => {
      seen.push(writeOptions([offer]));
      return offer.name === "b" ? undefined : option(offer.name, ["x", "1"]);
    };
    const { choice } = walk({ negotiate }, ...extensions('a; k="v"; l, b', "c"));
    expect((await choice).extensions).toEqual([option("a", ["x", "1"]), option("c", ["x", "1"])]);
    expect(seen).toEqual(["a; k=v; l", "b", "c"]);
  });

  it("is not asked again about an extension that is agreed to", async () => {
    const seen: string[] = [];
    const negotiate = (offer: Option): Option | undefined => {
      seen.push(writeOptions([offer]));
      return offer.parameters.length > 0 ? undefined : offer;
    };
    const { choice } = walk({ negotiate }, ...extensions("a; b, a, a; c"));
    expect((await choice).extensions).toEqual([option("a")]);
    expect(seen).toEqual(["a; b", "a"]);
  });

  it("may not answer with another extension", async () => {
    const { choice } = walk({ negotiate: () => option("b") }, ...extensions("a"));
    await expect(choice).rejects.toThrow(TypeError);
  });

  it.each([",", ";", "a b", 'a; b="unterminated', 'a; b="', "a; b=", "a; =b", "a;", "a, b/c"])(
    "refuses %j before it is asked",
    async (value) => {
      const { choice, lines } = walk({ negotiate: tracing.negotiate! }, ...extensions(value));
      const error = { name: "HandshakeError", code: "MALFORMED_REQUEST", status: 400 };
      expect(await settled(choice)).toMatchObject({ error });
      expect(lines).toEqual([]);
    },
  );
});

describe("UpgradeCallbacks.extensionCustom()", () => {
  it("is asked instead of negotiate, with each header as it came", async () => {
    const seen: string[] = [];
    const extensionCustom = (value: Uint8Array): Option[] => {
      seen.push(textOf(value));
      return [option(`x${seen.length}`)];
    };
    const headers = extensions(";", "a, b");
    const { choice, lines } = walk({ ...tracing, extensionCustom }, ...headers);
    expect((await choice).extensions).toEqual([option("x1"), option("x2")]);
    expect(seen).toEqual([";", "a, b"]);
    expect(lines).toEqual(["request /chat", "host a.example"]);
  });

  it("refuses the request with undefined", async () => {
    const { choice } = walk({ extensionCustom: () => undefined }, ...extensions("a"));
    const error = { name: "HandshakeError", code: "MALFORMED_REQUEST", status: 400 };
    expect(await settled(choice)).toMatchObject({ error });
  });
});
