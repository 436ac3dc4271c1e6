import { describe, expect, it } from "vitest";
import { memoryNetwork } from "../../adapters/memory/index.ts";
import { zlibEngine } from "../../adapters/zlib/engine.ts";
import { Deadlines, systemClock } from "../../src/clock.ts";
import type { ClientOptions } from "../../src/connection/client/connect.ts";
import { reconnecting } from "../../src/connection/client/reconnect.ts";
import type { ReconnectOptions } from "../../src/connection/client/reconnecting.ts";
import type { Reconnectable } from "../../src/connection/client/reconnector.ts";
import type { Handlers, RouteHandlers, ServerHandlers } from "../../src/connection/handlers.ts";
import { localBackplane } from "../../src/connection/backplane/local.ts";
import type { ServeOptions } from "../../src/connection/server/serve.ts";
import { type CompressionOptions, PermessageDeflate } from "../../src/flate/permessage-deflate.ts";
import type { DialerOptions } from "../../src/handshake/client/dial-options.ts";
import { Dialer } from "../../src/handshake/client/dialer.ts";
import { PeerFinder } from "../../src/handshake/server/peer.ts";
import { Upgrader, type UpgraderOptions } from "../../src/handshake/server/upgrader.ts";
import type { DialOptions } from "../../src/handshake/client/dial-options.ts";
import { listenStreams, type StreamListenOptions } from "../../src/io/stream-listener.ts";
import { adapter } from "../support/adapter.ts";
import { runtime } from "../support/runtime.ts";

/** What plain JavaScript may give in the place of something else, and what is said of it. */
const values: readonly (readonly [said: string, value: unknown])[] = [
  ['"23231" is a string', "23231"],
  ["5 is a number", 5],
  ["true is a boolean", true],
  ["Null", null],
  ["Array", [5]],
  ["Object", { bogus: 5 }],
  ["Function", () => {}],
];

/** What is expected of an option, values that it takes, and which of those above are no wrong type for it. */
interface Right {
  readonly expected: string;
  readonly right: readonly unknown[];
  readonly takes?: RegExp;
}

type RightOf<Options> = { readonly [Name in keyof Options]-?: Right };

const number: Right = { expected: "a number", right: [3], takes: /number/ };
const milliseconds: Right = { ...number, expected: "a number of milliseconds", right: [5000] };
const boolean: Right = { expected: "true or false", right: [true, false], takes: /boolean/ };
const text: Right = { expected: "a string", right: ["localhost"], takes: /string/ };
const callback: Right = { expected: "a function", right: [() => undefined], takes: /Function/ };
const texts: Right = { expected: "a list of strings", right: [[], ["chat"]] };
const objects: Right = { expected: "a list of objects", right: [[]] };
const headers: Right = {
  expected: 'a record such as { Cookie: "id=7" }, a list of pairs, or Headers',
  // A record: what is wrong with its values is among the mistakes below.
  takes: /Object/,
  right: [
    [],
    [["Cookie", "id=7"]],
    {},
    { Cookie: "id=7", "X-Tag": ["a", "b"], "X-None": undefined },
    new Headers({ Cookie: "id=7" }),
    new Map([["Cookie", "id=7"]]),
  ],
};
const headLimits: Right = {
  expected: "an object",
  right: [{}, { maxHeaders: 7 }],
  takes: /Object/,
};
const signal: Right = { expected: "an AbortSignal", right: [new AbortController().signal] };
const clock: Right = { expected: "a Clock", right: [systemClock] };
const deadlines: Right = { expected: "Deadlines", right: [new Deadlines(systemClock)] };

const ofTcp = {
  noDelay: boolean,
  keepAlive: {
    expected: "true or false, or a number of milliseconds",
    right: [true, false, 60_000],
    takes: /boolean|number/,
  },
};

const ofListening = {
  ...ofTcp,
  port: { ...number, right: [0] },
  hostname: text,
  backlog: { ...number, right: runtime === "bun" ? [] : [7] },
  reusePort: { ...boolean, right: [false] },
  path: text,
  tls: {
    expected: "an object such as { cert, key }",
    right: [{ cert: "a", key: "b" }],
    takes: /Object/,
  },
  server: {
    expected: "a server of node:http, node:https or node:http2",
    right: [{ on() {}, off() {} }],
    takes: /Object/,
  },
  http2MayCrash: boolean,
  listener: {
    expected: "a listener or a server that the runtime itself has made",
    right: [{ on() {}, off() {}, close() {} }],
    takes: /Object/,
  },
};

const engine = { expected: "an Engine", right: [zlibEngine()] };

const ofCompression: RightOf<CompressionOptions> = {
  engine,
  serverNoContextTakeover: boolean,
  clientNoContextTakeover: boolean,
  serverMaxWindowBits: { ...number, right: [12] },
  clientMaxWindowBits: { ...number, right: [12] },
  level: number,
  memLevel: number,
  threshold: number,
  maxMemory: number,
  idleTimeout: milliseconds,
  deadlines,
};

const unhandledErrors: Right = {
  expected: 'one of "print", "ignore", or a function',
  right: ["print", "ignore", () => undefined],
  takes: /Function/,
};

const ofConnections = {
  unhandledErrors,
  maxFrameSize: number,
  maxMessageSize: number,
  maxFragments: { ...number, right: [7, 0, Infinity] },
  highWaterMark: number,
  maxBufferedAmount: number,
  overflow: { expected: 'one of "close", "drop", "wait"', right: ["close", "drop", "wait"] },
  receiveHighWaterMark: number,
  pingInterval: milliseconds,
  pongTimeout: milliseconds,
  idleTimeout: milliseconds,
  minProgress: number,
  maxLifetime: { ...milliseconds, right: [0, Infinity] },
  trace: callback,
  closeTimeout: milliseconds,
  strictLength: boolean,
  borrow: { ...boolean, right: [false] },
  deliverAfterClose: boolean,
  autoPong: boolean,
  textAs: { expected: 'one of "string", "bytes"', right: ["string", "bytes"] },
  newBytes: { ...callback, right: [(bytes: Uint8Array) => bytes] },
  compression: {
    expected: "true or false, or an object",
    right: [true, false, {}, { level: 3 }],
    takes: /boolean|Object/,
  },
  extensions: { ...objects, right: [[], [new PermessageDeflate({ engine: zlibEngine() })]] },
};

const tokens: Right = { expected: "a list of tokens", right: [[], ["chat"]] };

const ofServing: RightOf<ServeOptions> = {
  protocols: tokens,
  ...ofListening,
  ...ofConnections,
  maxHeadSize: number,
  maxTargetSize: number,
  maxHeaders: number,
  maxConnections: number,
  maxTotalBufferedAmount: number,
  maxConnectionsPerAddress: number,
  handshakesPerAddress: {
    expected: "a number, or an object",
    right: [0, 0.5, 5, Infinity, { perSecond: 5, burst: 9 }],
    takes: /number|Object/,
  },
  messagesPerAddress: {
    expected: "a number, or an object",
    right: [0, 5, { perSecond: 0.5, excess: "wait" }, { perSecond: 5, excess: "close" }],
    takes: /number|Object/,
  },
  ipv6Prefix: { ...number, right: [1, 64, 128] },
  handshakeTimeout: milliseconds,
  origins: {
    expected:
      '"any", "same", "cookies", a list of origins such as ["https://example.org"], or a function',
    right: [
      ...["any", "same", "cookies"],
      [],
      ["https://example.org", "http://localhost:8080", "null", "chrome-extension://abc", "file://"],
      ["https://*.example.org", "http://localhost:*", "http://[::1]:*", () => true],
      () => true,
    ],
    takes: /Function/,
  },
  trustProxy: {
    expected: 'a number of hops, a list of addresses such as ["10.0.0.0/8", "::1"], or a function',
    right: [0, 2, [], ["10.0.0.0/8", "::1", "unix"], () => true],
    takes: /number|Function/,
  },
  proxyHeaders: {
    expected:
      "a list of some of forwarded, x-forwarded-for, x-forwarded-proto, x-forwarded-host, x-forwarded-port",
    right: [[], ["forwarded"], ["x-forwarded-for", "x-forwarded-proto"]],
  },
  proxyProtocol: {
    expected: 'true, false, or a list of addresses such as ["10.0.0.0/8", "::1"]',
    right: [true, false, [], ["10.0.0.0/8", "unix"]],
    takes: /boolean/,
  },
  backplane: { expected: "a Backplane", right: [localBackplane()] },
  carrying: { expected: "an object", right: [{}, { maxWaiting: 5 }], takes: /Object/ },
  maxTopics: number,
  maxBodySize: number,
  maxRequests: number,
  keepAliveTimeout: milliseconds,
  slowReceivers: {
    expected: 'one of "buffer", "drop", "close"',
    right: ["buffer", "drop", "close"],
  },
  clock,
};

const ofClients: RightOf<ClientOptions> = {
  ...ofTcp,
  ...ofConnections,
  protocols: texts,
  headers,
  // What is wrong is not repeated: test/connection/client/connect.test.ts.
  auth: { expected: "", right: ["url", { user: "me", password: "secret" }], takes: /^/ },
  host: text,
  origin: text,
  tls: { expected: "an object such as { ca }", right: [{}, { ca: "a" }], takes: /Object/ },
  path: text,
  proxy: { ...text, right: ["environment"] },
  proxyTls: { expected: "an object such as { ca }", right: [{ ca: "a" }], takes: /Object/ },
  redirects: number,
  timeout: milliseconds,
  signal,
  headLimits,
  context: { expected: "", right: values.map(([, value]) => value), takes: /^/ },
  clock,
};

const ofReconnecting: RightOf<ReconnectOptions<Reconnectable>> = {
  initialDelay: milliseconds,
  maxDelay: milliseconds,
  factor: number,
  maxAttempts: { ...number, right: [1, Infinity] },
  stableAfter: milliseconds,
  random: callback,
  shouldReconnect: callback,
  resume: callback,
  connected: callback,
  disconnected: callback,
  unhandledErrors,
  signal,
  clock,
  whileAway: { expected: 'one of "reject", "wait"', right: ["reject", "wait"] },
  maxWaiting: number,
  maxUnread: number,
};

const ofUpgraders: RightOf<UpgraderOptions<unknown>> = {
  onPeer: callback,
  onRequest: callback,
  onHost: callback,
  onHeader: callback,
  protocol: callback,
  protocolCustom: callback,
  negotiate: callback,
  extensionCustom: callback,
  onBeforeUpgrade: callback,
  newContext: callback,
  extensions: objects,
  peers: { expected: "a PeerFinder", right: [new PeerFinder()] },
  header: headers,
  readBufferSize: number,
  headLimits,
  timeout: milliseconds,
  deadlines,
};

const ofDialers: RightOf<DialerOptions> = {
  protocols: texts,
  extensions: objects,
  header: headers,
  host: text,
  timeout: milliseconds,
  readBufferSize: number,
  headLimits,
  onStatusError: callback,
  onHeader: callback,
  netDial: callback,
  tlsClient: callback,
  tlsOptions: { expected: "an object such as { ca }", right: [{}], takes: /Object/ },
  wrapConn: callback,
  connect: callback,
  deadlines,
};

const ofDialing: RightOf<DialerOptions & DialOptions> = { ...ofDialers, signal };

const ofStreamListening: RightOf<StreamListenOptions> = {
  ...ofListening,
  backlog: number,
  highWaterMark: number,
  lingerTimeout: milliseconds,
  deadlines,
};

const ofHandlers: RightOf<Handlers> = {
  open: callback,
  message: callback,
  stream: callback,
  ping: callback,
  pong: callback,
  drain: callback,
  error: callback,
  close: callback,
};

const ofHooks = {
  ...ofHandlers,
  upgrade: callback,
  http: {
    expected: "a function, or an object of functions such as { GET: list, POST: add }",
    right: [() => ({}), {}, { GET: () => ({}), "M-SEARCH": () => ({}) }],
    takes: /Function|Object/,
  },
};

const ofRoutes: RightOf<RouteHandlers> = {
  ...ofHooks,
  options: { expected: "an object", right: [{}, { maxMessageSize: 5 }], takes: /Object/ },
};

const ofServers: RightOf<ServerHandlers> = {
  ...ofHooks,
  routes: {
    expected: 'an object such as { "/chat": handlers }',
    right: [{}, { "/chat": {}, "/rooms/:room": { message() {}, open: undefined } }],
    takes: /Object/,
  },
  fetch: callback,
  refused: callback,
  backplane: callback,
};

/** Nobody is there: an attempt that is made fails otherwise. */
const nowhere = "ws://127.0.0.1:1";
const secureNowhere = "wss://127.0.0.1:1";
const nobody = { hostname: "127.0.0.1", port: 1 };
const pem = { cert: "a", key: "b" };

const network = memoryNetwork({ host: { engine: zlibEngine() } });
await network.serve({ port: 80 }, {});

async function serveAndStop(options: ServeOptions, handlers: ServerHandlers): Promise<void> {
  const server = await adapter.serve(options, handlers);
  await server.shutdown();
}

async function serveInMemory(options: ServeOptions, handlers: ServerHandlers): Promise<void> {
  const server = await network.serve(options, handlers);
  await server.shutdown();
}

async function connectInMemory(options: ClientOptions, handlers?: Handlers): Promise<void> {
  const ws = await network.connect("ws://memory", options, handlers);
  await ws.close();
}

/** An attempt that fails at once, so that nothing is left. */
async function reconnectInVain(options: ReconnectOptions<Reconnectable>): Promise<void> {
  await reconnecting(() => Promise.reject(new Error("nobody")), options).close();
}

/** What takes options or handlers. What it is given is `given`, whatever type that has. */
interface Entry {
  readonly call: string;
  /** Where in what it is given the options are, such as "compression.". */
  readonly path?: string;
  readonly options: Readonly<Record<string, Right>>;
  act(given: never): unknown;
  /** The same without a network, for what is right. */
  accept?(given: never): unknown;
}

const entries: readonly Entry[] = [
  {
    call: "serve()",
    options: ofServing,
    act: (given: object) => serveAndStop({ port: 0, hostname: "127.0.0.1", ...given }, {}),
    accept: (given: ServeOptions) => serveInMemory(given, {}),
  },
  {
    call: "the handlers of serve()",
    options: ofServers,
    act: (given: ServerHandlers) => serveAndStop({ port: 0, hostname: "127.0.0.1" }, given),
  },
  {
    call: "a route of serve()",
    path: 'routes["/chat"].',
    options: ofRoutes,
    act: (given: RouteHandlers) =>
      serveAndStop({ port: 0, hostname: "127.0.0.1" }, { routes: { "/chat": given } }),
  },
  {
    call: "connect()",
    options: ofClients,
    act: (given: ClientOptions) => adapter.connect(nowhere, given),
    accept: connectInMemory,
  },
  {
    call: "the handlers of connect()",
    options: ofHandlers,
    act: (given: Handlers) => adapter.connect(nowhere, {}, given),
    accept: (given: Handlers) => connectInMemory({}, given),
  },
  { call: "reconnecting()", options: ofReconnecting, act: reconnectInVain },
  {
    call: "the compression of serve()",
    path: "compression.",
    options: ofCompression,
    act: (compression: CompressionOptions) =>
      serveAndStop({ port: 0, hostname: "127.0.0.1", compression }, {}),
  },
  {
    call: "the compression of connect()",
    path: "compression.",
    options: ofCompression,
    act: (compression: CompressionOptions) => adapter.connect(nowhere, { compression }),
    accept: (compression: CompressionOptions) => connectInMemory({ compression }),
  },
  {
    call: "PermessageDeflate",
    options: ofCompression,
    act: (given: CompressionOptions) =>
      new PermessageDeflate(
        given.engine === undefined ? { ...given, engine: zlibEngine() } : given,
      ),
  },
  {
    call: "Upgrader",
    options: ofUpgraders,
    act: (given: UpgraderOptions<unknown>) => new Upgrader(given),
  },
  { call: "Dialer", options: ofDialers, act: (given: DialerOptions) => new Dialer(given) },
  {
    call: "dial()",
    options: ofDialing,
    act: (given: DialerOptions) => adapter.dial(nowhere, given),
    accept: (given: DialerOptions) => new Dialer(given),
  },
  {
    call: "listen()",
    options: ofStreamListening,
    async act(given: object) {
      const listener = await adapter.listen({ port: 0, hostname: "127.0.0.1", ...given });
      await listener.close();
    },
    async accept(given: StreamListenOptions) {
      const listener = await listenStreams(network.listen, given);
      await listener.close();
    },
  },
];

/** Calls an entry, and gives what it fails with. */
async function failureOf(act: (given: never) => unknown, given: unknown): Promise<unknown> {
  try {
    await act(given as never);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe.each(entries)(`$call on ${runtime}`, ({ options, path = "", act, accept = act }) => {
  it.each(Object.entries(options))("refuses a wrong type of %s", async (name, option) => {
    for (const [said, value] of values) {
      if (option.takes?.test(said) === true) continue;
      const error = await failureOf(act, { [name]: value });
      expect(error).toBeInstanceOf(TypeError);
      const message = `${path}${name} must be ${option.expected}: ${said}`;
      expect((error as Error).message.slice(0, message.length)).toBe(message);
    }
  });

  // What dial() alone has is checked with a server: test/runtime/dial.test.ts.
  const known = Object.entries(options).filter(([name]) => accept === act || name !== "signal");
  it.each(known)("takes what is right for %s", async (name, { right }) => {
    for (const value of [...right, undefined]) {
      expect(await failureOf(accept, { [name]: value })).toBe(undefined);
    }
  });
});

const chat = { hostname: "127.0.0.1", port: 0 };
const own = { "/chat": { mesage() {} } };

const serveExample = "serve({ port: 8080 }, { message: (ws, data) => ws.send(data) })";
const connectExample =
  'connect(url, { protocols: ["chat"] }, { message: (ws, data) => console.log(data) })';
const reconnectingExample = "reconnecting(({ signal }) => connect(url, { signal }))";

/** What plain JavaScript gives by mistake, and all that is said of it. */
const mistakes: readonly (readonly [call: string, act: () => unknown, message: string])[] = [
  // Headers, whose fault is said down to the name.
  [
    "connect() with a header that is a number",
    () => adapter.connect(nowhere, { headers: { "X-Count": 5 as never } }),
    'headers["X-Count"] must be a string or a list of strings: 5 is a number; write "5"',
  ],
  [
    "connect() with a name that is no token, in a record",
    () => adapter.connect(nowhere, { headers: { "My Cookie": "id=7" } }),
    'Header name is not a token: "My Cookie"',
  ],
  [
    "Dialer with a value of two lines, in a Map",
    () => new Dialer({ header: new Map([["Cookie", "a\r\nb: c"]]) }),
    "Value of header Cookie has a character that may not stand there",
  ],
  [
    "Upgrader with a header of the handshake's own, in a record",
    () => new Upgrader({ header: { Upgrade: "h2c" } }),
    "Header is written by the handshake itself: Upgrade",
  ],
  // Mistyped names.
  ...namesOf("serve()", (given) => serveAndStop({ ...chat, ...given }, {}), {
    pingIntervall: "Unknown option pingIntervall: did you mean pingInterval?",
    hostName: "Unknown option hostName: did you mean hostname?",
    prot: "Unknown option prot: did you mean port?",
    maxPayload: "Unknown option maxPayload: did you mean maxMessageSize?",
    maxPayloadLength: "Unknown option maxPayloadLength: did you mean maxMessageSize?",
    perMessageDeflate: "Unknown option perMessageDeflate: did you mean compression?",
    noServer: "Unknown option noServer: did you mean server?",
    cert: "Unknown option cert: did you mean tls: { cert }?",
    clientTracking: "Unknown option clientTracking",
    message:
      "Unknown option message: message is a handler, and goes into the object after this one",
    onmessage:
      "Unknown option onmessage: message is a handler, and goes into the object after this one",
    verifyClient:
      "Unknown option verifyClient: upgrade is a handler, and goes into the object after this one",
  }),
  ...namesOf("the handlers of serve()", (given) => serveAndStop(chat, given), {
    onmessage: "Unknown handler onmessage: did you mean message?",
    onClose: "Unknown handler onClose: did you mean close?",
    mesage: "Unknown handler mesage: did you mean message?",
    connection: "Unknown handler connection: did you mean open?",
    request: "Unknown handler request: did you mean http?",
    app: "Unknown handler app: did you mean fetch?",
    port: "Unknown handler port: port is an option, and goes into the object before this one",
    toString: "Unknown handler toString",
    bogus: "Unknown handler bogus",
  }),
  ...namesOf("connect()", (given) => adapter.connect(nowhere, given), {
    protocol: "Unknown option protocol: did you mean protocols?",
    header: "Unknown option header: did you mean headers?",
    handshakeTimeout: "Unknown option handshakeTimeout: did you mean timeout?",
    maxRedirects: "Unknown option maxRedirects: did you mean redirects?",
    agent: "Unknown option agent: did you mean proxy?",
    rejectUnauthorized:
      "Unknown option rejectUnauthorized: did you mean tls: { rejectUnauthorized }?",
    message:
      "Unknown option message: message is a handler, and goes into the object after this one",
  }),
  ...namesOf("reconnecting()", reconnectInVain, {
    maxDelai: "Unknown option maxDelai: did you mean maxDelay?",
    maxAttempt: "Unknown option maxAttempt: did you mean maxAttempts?",
    maxPayload: "Unknown option maxPayload",
  }),
  ...namesOf("compression", (compression) => adapter.connect(nowhere, { compression }), {
    levle: "Unknown option compression.levle: did you mean level?",
  }),
  ...namesOf("headLimits", (headLimits) => new Dialer({ headLimits }), {
    maxHeader: "Unknown option headLimits.maxHeader: did you mean maxHeaders?",
  }),
  ...namesOf("Upgrader", (given) => new Upgrader(given), {
    onheader: "Unknown option onheader: did you mean onHeader?",
    protocols: "Unknown option protocols: did you mean protocol?",
  }),
  ...namesOf("dial()", (given) => adapter.dial(nowhere, given), {
    headers: "Unknown option headers: did you mean header?",
    tls: "Unknown option tls: did you mean tlsOptions?",
  }),
  ...namesOf("listen()", (given) => adapter.listen({ ...chat, ...given }), {
    backlock: "Unknown option backlock: did you mean backlog?",
  }),
  [
    "serve() with a mistyped handler of a route",
    () => serveAndStop(chat, { routes: own as never }),
    'Unknown handler routes["/chat"].mesage: did you mean message?',
  ],
  // Something else than options and handlers.
  [
    "serve() with a port alone",
    () => serveAndStop(8080 as never, {}),
    `options must be an object: 8080 is a number; write ${serveExample}`,
  ],
  [
    "serve() without handlers",
    () => adapter.serve(chat, undefined as never),
    `handlers must be an object: Undefined; write ${serveExample}`,
  ],
  [
    "serve() with a function for a handler",
    () => serveAndStop(chat, (() => {}) as never),
    `handlers must be an object: Function; write ${serveExample}`,
  ],
  [
    "connect() with a subprotocol, as browsers have it",
    () => adapter.connect(nowhere, "chat" as never),
    `options must be an object: "chat" is a string; write ${connectExample}`,
  ],
  [
    "connect() with a list of them",
    () => adapter.connect(nowhere, ["chat"] as never),
    `options must be an object: Array; write ${connectExample}`,
  ],
  [
    "connect() with a function for a handler",
    () => adapter.connect(nowhere, {}, (() => {}) as never),
    `handlers must be an object: Function; write ${connectExample}`,
  ],
  [
    "connect() with options alone",
    () => adapter.connect({ port: 8080 } as never),
    'url must be a whole URL such as "ws://localhost:8080/chat": Object',
  ],
  [
    "connect() with a path, as browsers have it",
    () => adapter.connect("/chat"),
    'url must be a whole URL such as "ws://localhost:8080/chat": "/chat"',
  ],
  [
    "connect() with credentials in what is no URL",
    () => adapter.connect("ws://user:password@:80", { auth: "url" }),
    'url must be a whole URL such as "ws://localhost:8080/chat"',
  ],
  [
    "connect() without the scheme",
    () => adapter.connect("localhost:8080"),
    'Scheme of a WebSocket URL must be ws or wss: localhost:; write "ws://localhost:8080"',
  ],
  [
    "listen() with a port alone",
    () => adapter.listen(8080 as never),
    "options must be an object: 8080 is a number; write listen({ port: 8080 })",
  ],
  [
    "connectStream() with a URL",
    () => adapter.connectStream(nowhere as never),
    `options must be an object: "${nowhere}" is a string; ` +
      'write connectStream({ hostname: "localhost", port: 8080 })',
  ],
  [
    "connectStream() without a port",
    () => adapter.connectStream({ hostname: "localhost" } as never),
    "Give a hostname and a port to connect to, or the path of a Unix socket",
  ],
  // Names within TLS.
  ...tlsNamesOf("serve()", (tls) => serveAndStop({ ...chat, tls: { ...pem, ...tls } }, {})),
  ...tlsNamesOf("listen()", (tls) => adapter.listen({ ...chat, tls: { ...pem, ...tls } })),
  ...tlsNamesOf("connect()", (tls) => adapter.connect(secureNowhere, { tls })),
  ...tlsNamesOf("dial()", (tlsOptions) => adapter.dial(secureNowhere, { tlsOptions })),
  ...tlsNamesOf("connectStream()", (tls) => adapter.connectStream({ ...nobody, tls })),
  ...tlsNamesOf("the tunnel of connectStream()", (tunnelTls) =>
    adapter.connectStream({ ...nobody, tunnelTls }),
  ),
  ...tlsNamesOf("a proxy of connect()", (proxyTls) =>
    adapter.connect(nowhere, { proxy: "https://127.0.0.1:1", proxyTls }),
  ),
  ...tlsNamesOf("a Unix socket of connect()", (tls) =>
    adapter.connect(secureNowhere, { path: "/nowhere", tls }),
  ),
  [
    "serve() with the certificate under another name",
    () => serveAndStop({ ...chat, tls: { certs: "a", key: "b" } as never }, {}),
    "Unknown TLS option certs: did you mean cert?",
  ],
  [
    "serve() with a text for requestCert",
    () => serveAndStop({ ...chat, tls: { ...pem, requestCert: "true" as never } }, {}),
    'requestCert must be true or false: "true" is a string; write true',
  ],
  [
    "serve() with an option of the socket below for its TLS",
    () => serveAndStop({ ...chat, tls: { ...pem, pauseOnConnect: true } }, {}),
    "Unknown TLS option pauseOnConnect",
  ],
  [
    "connect() with ALPN under the name of another runtime",
    () =>
      adapter.connect(secureNowhere, {
        tls: runtime === "deno" ? { ALPNProtocols: [] } : { alpnProtocols: [] },
      }),
    runtime === "deno"
      ? "Unknown TLS option ALPNProtocols: did you mean alpnProtocols?"
      : "Unknown TLS option alpnProtocols: did you mean ALPNProtocols?",
  ],
  [
    "connect() with further options that are no object",
    () => adapter.connect(secureNowhere, { tls: { runtimeOptions: 5 as never } }),
    "runtimeOptions must be an object of options for the runtime: 5 is a number",
  ],
  [
    "reconnecting() with a connection",
    () => reconnecting(Promise.resolve() as never),
    `open must be a function: Promise; write ${reconnectingExample}`,
  ],
  [
    "a route that is no object",
    () => serveAndStop(chat, { routes: { "/chat": (() => {}) as never } }),
    'routes["/chat"] must be an object: Function',
  ],
  [
    "reconnecting() with a URL",
    () => reconnecting("ws://localhost" as never),
    `open must be a function: "ws://localhost" is a string; write ${reconnectingExample}`,
  ],
  // What shows what was meant.
  ...namedOf("serve()", (given) => serveAndStop({ ...chat, ...given }, {}), [
    ["port", "8080", 'a number: "8080" is a string; write 8080'],
    ["pingInterval", "30000", 'a number of milliseconds: "30000" is a string; write 30000'],
    ["pingInterval", "30s", 'a number of milliseconds: "30s" is a string'],
    ["borrow", "true", 'true or false: "true" is a string; write true'],
    ["strictLength", 0, "true or false: 0 is a number"],
    ["overflow", "wiat", 'one of "close", "drop", "wait": "wiat" is a string'],
    ["extensions", {}, "a list of objects: Object; write [extensions]"],
    [
      "origins",
      "example.org",
      `${ofServing.origins.expected}: "example.org" is a string; write ["https://example.org"]`,
    ],
    [
      "origins",
      "http://localhost:80",
      `${ofServing.origins.expected}: "http://localhost:80" is a string; write ["http://localhost:80"]`,
    ],
    [
      "origins",
      ["example.org"],
      `${ofServing.origins.expected}: Array; write ["https://example.org"]`,
    ],
    [
      "origins",
      ["https://a.example", "https://b.example/"],
      `${ofServing.origins.expected}: Array; write ["https://b.example"]`,
    ],
    ["origins", ["not an origin"], `${ofServing.origins.expected}: Array`],
    ["origins", "https://", `${ofServing.origins.expected}: "https://" is a string`],
    ["origins", ["https://"], `${ofServing.origins.expected}: Array`],
    ["origins", ["*"], `${ofServing.origins.expected}: Array; write "any"`],
    ["origins", "*", `${ofServing.origins.expected}: "*" is a string; write "any"`],
    ["origins", [5], `${ofServing.origins.expected}: Array`],
  ]),
  ...namedOf("connect()", (given) => adapter.connect(nowhere, given), [
    ["protocols", "chat", 'a list of strings: "chat" is a string; write ["chat"]'],
    ["headers", ["Cookie", "id=7"], `${headers.expected}: Array; write [["Cookie", "id=7"]]`],
    ["headers", [["Cookie"]], `${headers.expected}: Array`],
    ["headers", [["X-Count", 5]], `${headers.expected}: Array`],
    ["headers", new Date(0), `${headers.expected}: Date`],
    ["headers", new Set(["Cookie"]), `${headers.expected}: Set`],
    ["signal", new AbortController(), "an AbortSignal: AbortController"],
  ]),
];

function tlsNamesOf(
  call: string,
  act: (tls: Record<string, unknown>) => unknown,
): [string, () => unknown, string][] {
  return Object.entries({
    bogus: "Unknown TLS option bogus",
    rejectUnauthorised: "Unknown TLS option rejectUnauthorised: did you mean rejectUnauthorized?",
  }).map(([name, message]) => [
    `${call} with TLS that has ${name}`,
    () => act({ [name]: true }),
    message,
  ]);
}

function namesOf(
  call: string,
  act: (given: object) => unknown,
  messages: Readonly<Record<string, string>>,
): [string, () => unknown, string][] {
  return Object.entries(messages).map(([name, message]) => [
    `${call} with ${name}`,
    () => act({ [name]: () => {} }),
    message,
  ]);
}

function namedOf(
  call: string,
  act: (given: object) => unknown,
  rows: readonly (readonly [name: string, value: unknown, message: string])[],
): [string, () => unknown, string][] {
  return rows.map(([name, value, message]) => [
    `${call} with ${name}: ${JSON.stringify(value)}`,
    () => act({ [name]: value }),
    `${name} must be ${message}`,
  ]);
}

describe(`a mistake on ${runtime}`, () => {
  it.each(mistakes)("%s is told at once", async (_, act, message) => {
    expect(await failureOf(act, undefined)).toEqual(new TypeError(message));
  });
});

describe(`options and handlers on ${runtime}`, () => {
  it("may have unknown names that stand for nothing", async () => {
    await serveInMemory({ bogus: undefined } as object, { bogus: undefined } as object);
  });

  it("may be of a class, with fields of its own", async () => {
    class Chat implements ServerHandlers {
      readonly users = new Map<string, string>();
      message(): void {
        this.users.clear();
      }
    }
    class Settings implements ServeOptions {
      readonly madeBy = "hand";
      get pingInterval(): number {
        return 5000;
      }
    }
    await serveInMemory(new Settings(), new Chat());
    class Wrong extends Settings {
      readonly pongTimeout = "5000";
    }
    const error = await failureOf((given) => serveInMemory(given, {}), new Wrong());
    expect(error).toMatchObject({ message: expect.stringMatching(/^pongTimeout must be/) });
  });

  it("may have hidden and inherited names", async () => {
    const given = Object.defineProperty({}, "bogus", { value: 5, enumerable: false });
    await serveInMemory(given, Object.create({ bogus: 5 }) as object);
    await serveInMemory(Object.create(null) as object, Object.freeze({ message() {} }));
  });

  it("do not show what is long", async () => {
    const error = await failureOf(
      (tls) => serveAndStop({ ...chat, tls }, {}),
      `-----BEGIN PRIVATE KEY-----${"secret".repeat(100)}`,
    );
    expect((error as Error).message.length).toBeLessThan(120);
  });
});
