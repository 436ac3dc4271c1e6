import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat } from "../../src/bytes.ts";
import { DialError, HandshakeError, LimitError, TransportError } from "../../src/errors.ts";
import { Dialer } from "../../src/handshake/client/dialer.ts";
import { HttpUpgrader } from "../../src/handshake/server/http-upgrader.ts";
import type { UpgradeCallbacks } from "../../src/handshake/server/upgrade-callbacks.ts";
import { Upgrader } from "../../src/handshake/server/upgrader.ts";
import { type Option, writeOptions } from "../../src/http/option.ts";
import {
  answerTo,
  latin1Bytes,
  requestFor,
  ScriptedStream,
  settled,
  textOf,
} from "../handshake/streams.ts";
import { cutAt } from "../support/cuts.ts";

const parameters = { seed: 6455, numRuns: 300 };

function textFrom(alphabet: string, minLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength: 12 });
}

const tokens = textFrom("abYZ019!#$%&'*+-.^_`|~", 1);
const values = textFrom('ab:,; \t"()=\u00E9\u00FF', 0).map((value) =>
  value.replace(/^[ \t]+|[ \t]+$/g, ""),
);
const targets = textFrom("ab/?=&%.", 0).map((rest) => `/${rest}`);
const protocols = fc.uniqueArray(tokens, { maxLength: 12 });
const options = fc.record({
  name: tokens,
  parameters: fc.array(fc.oneof(fc.tuple(tokens), fc.tuple(tokens, tokens)), { maxLength: 3 }),
});
const behind = fc.uint8Array({ maxLength: 40 });
const places = fc.array(fc.nat(), { maxLength: 8 });

/** Names that mean something to the handshake have a place of their own. */
const headers = fc.array(
  fc.tuple(
    tokens.map((name) => `X-${name}`),
    values,
  ),
  { maxLength: 8 },
);

interface Parts {
  readonly target: string;
  readonly headers: [string, string][];
  readonly protocols: string[];
  readonly options: Option[];
}

const requests: fc.Arbitrary<Parts> = fc.record({
  target: targets,
  headers,
  protocols,
  options: fc.array(options, { maxLength: 4 }),
});

/** Lines of a request, and what a tracing Upgrader has to tell of it. */
function linesOf({ headers, protocols, options }: Parts): string[] {
  return [
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(protocols.length === 0 ? [] : [`sec-websocket-PROTOCOL: ${protocols.join(" ,\t")}`]),
    ...(options.length === 0 ? [] : [`Sec-WebSocket-Extensions: ${writeOptions(options)}`]),
  ];
}

/** Spells a name as `X-Forwarded-For`, naively. */
function spelled(name: string): string {
  return name
    .split("-")
    .map((part) => part.slice(0, 1).toUpperCase() + part.slice(1).toLowerCase())
    .join("-");
}

function expectedOf({ target, headers, protocols, options }: Parts): string[] {
  return [
    `request ${target}`,
    "host a.example",
    ...headers.map(([name, value]) => `${spelled(name)}: ${value}`),
    ...protocols.map((name) => `protocol ${name}`),
    ...options.map((offer) => `negotiate ${writeOptions([offer])}`),
  ];
}

const tracing: UpgradeCallbacks<string[]> = {
  onRequest: (target, lines) => void lines.push(`request ${textOf(target)}`),
  onHost: (host, lines) => void lines.push(`host ${textOf(host)}`),
  onHeader: (name, value, lines) => void lines.push(`${textOf(name)}: ${textOf(value)}`),
  protocol: (name, lines) => lines.push(`protocol ${textOf(name)}`) < 0,
  negotiate: (offer, lines) => void lines.push(`negotiate ${writeOptions([offer])}`),
};

function cutsOf(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const ends = positions.map((at) => at % (bytes.length + 1));
  return cutAt(
    bytes,
    ends.sort((a, b) => a - b),
  );
}

describe("Upgrader.upgrade()", () => {
  it("accepts every valid request at all cuts, with the same callbacks", async () => {
    await fc.assert(
      fc.asyncProperty(requests, behind, places, async (parts, rest, positions) => {
        const bytes = concat([requestFor(parts.target, ...linesOf(parts)), rest]);
        for (const pieces of [cutsOf(bytes, positions), cutsOf(bytes, [...bytes.keys()])]) {
          const conn = new ScriptedStream(pieces, "end");
          const upgrader = new Upgrader({ ...tracing, newContext: () => [], readBufferSize: 64 });
          const stream = await upgrader.upgrade(conn);
          expect(stream.context).toEqual(expectedOf(parts));
          const into = new Uint8Array(rest.length + 1);
          let at = 0;
          for (let count = 1; count > 0; at += count) {
            count = (await stream.read(into.subarray(at))) ?? 0;
          }
          expect(textOf(into.subarray(0, at))).toBe(textOf(rest));
        }
      }),
      parameters,
    );
  });

  it("throws nothing but framewire's own errors, whatever comes, and always ends", async () => {
    await fc.assert(
      fc.asyncProperty(hostile("request"), places, async (bytes, positions) => {
        const conn = new ScriptedStream(cutsOf(bytes, positions), "end");
        const upgrader = new Upgrader({ ...tracing, newContext: () => [], readBufferSize: 64 });
        const { error } = await settled(upgrader.upgrade(conn));
        if (error === undefined) return;
        expect([HandshakeError, LimitError, TransportError]).toContain(
          (error as Error).constructor,
        );
        const answers = conn.text.split("HTTP/1.1 ").slice(1);
        expect(answers.length).toBe(error instanceof TransportError ? 0 : 1);
        expect(answers.join("")).not.toMatch(/^[15]0[01]/);
      }),
      { ...parameters, numRuns: 1000 },
    );
  });
});

/** Bytes that are nearly a message of a handshake, and bytes that are nothing. */
function hostile(kind: "request" | "response"): fc.Arbitrary<Uint8Array> {
  const whole = kind === "request" ? requestFor("/a") : answerTo(textOf(requestFor("/")));
  const change = fc.tuple(fc.nat(), fc.nat(255));
  const changed = fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const bytes = whole.slice();
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    return bytes;
  });
  const extensions = fc.string({ unit: fc.constantFrom(...'ab;=," \t\\'), maxLength: 12 });
  const strange = fc.tuple(extensions, extensions).map(([one, other]) => {
    const text = textOf(whole).slice(0, -2);
    const lines = `Sec-WebSocket-Extensions: ${one}\r\nSec-WebSocket-Protocol: ${other}\r\n\r\n`;
    return latin1Bytes(text + lines);
  });
  return fc.oneof(changed, strange, fc.uint8Array({ maxLength: 80 }));
}

describe("HttpUpgrader.upgrade()", () => {
  it("asks about nothing that was not in the parsed request", async () => {
    const unit = fc.constantFrom("a", ":", " ", "\r", "\n", "\0", "\u010D\u010A", "/");
    const anything = fc.string({ unit, maxLength: 6 });
    const usual = textOf(requestFor("/")).split("\r\n").slice(1, -2);
    const rawHeaders = usual.flatMap((line) => line.split(": "));
    await fc.assert(
      fc.asyncProperty(anything, anything, anything, anything, async (url, name, value, method) => {
        const lines: string[] = [];
        const request = {
          method: method.length > 2 ? method : "GET",
          url: `/${url}`,
          httpVersion: "1.1",
          rawHeaders: [...rawHeaders, name, value],
        };
        const upgrader = new HttpUpgrader({ ...tracing, newContext: () => lines });
        const { error } = await settled(upgrader.upgrade(request, new ScriptedStream()));
        if (error !== undefined) {
          expect(error).toBeInstanceOf(HandshakeError);
          return;
        }
        const seen = `${spelled(name)}: ${value.trim()}`;
        expect(lines).toEqual([`request /${url}`, "host a.example", seen]);
      }),
      { ...parameters, numRuns: 2000 },
    );
  });
});

describe("Dialer.dial()", () => {
  it("throws nothing but framewire's own errors, whatever comes, and closes the stream", async () => {
    await fc.assert(
      fc.asyncProperty(hostile("response"), places, async (bytes, positions) => {
        const conn = new ScriptedStream(cutsOf(bytes, positions), "end");
        const dialer = new Dialer({ netDial: () => conn, readBufferSize: 64 });
        const { error } = await settled(dialer.dial("ws://a.example"));
        expect([DialError, TransportError]).toContain((error as Error).constructor);
        expect(conn.closes).toBe(1);
      }),
      { ...parameters, numRuns: 1000 },
    );
  });

  it("accepts what an Upgrader answers, whatever the two agree on", async () => {
    await fc.assert(
      fc.asyncProperty(
        requests,
        fc.nat(),
        async ({ target, headers, protocols, options }, pick) => {
          const chosen = protocols[pick % (protocols.length + 1)];
          const extensions = [...new Map(options.map((option) => [option.name, option])).values()];
          const server = new Upgrader({
            protocol: (name) => textOf(name) === chosen,
            negotiate: (offer) => (offer.name.length % 2 === 0 ? offer : undefined),
            header: headers,
          });
          const pipe = await serving(server);
          const dialer = new Dialer({
            protocols,
            extensions,
            header: headers,
            netDial: () => pipe,
          });
          const stream = await dialer.dial(new URL(`ws://a.example${target.replaceAll("%", "")}`));
          expect(stream.protocol).toBe(chosen ?? "");
          expect(stream.extensions).toEqual(
            extensions.filter((offer) => offer.name.length % 2 === 0),
          );
        },
      ),
      parameters,
    );
  });
});

/** A stream to a server: what it answers to a request is read from it. */
async function serving(server: Upgrader): Promise<ScriptedStream> {
  const conn = new ScriptedStream();
  let answering: Promise<Uint8Array> | undefined;
  conn.read = async (into) => {
    answering ??= (async () => {
      const theirs = new ScriptedStream([latin1Bytes(conn.text)], "end");
      await server.upgrade(theirs);
      return latin1Bytes(theirs.text);
    })();
    const answer = await answering;
    into.set(answer.subarray(0, into.length));
    answering = Promise.resolve(answer.subarray(into.length));
    return Math.min(answer.length, into.length);
  };
  return Promise.resolve(conn);
}
