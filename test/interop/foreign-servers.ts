/**
 * Echo servers that nobody here wrote, for the clients of this package: how each is installed, how it is started, and what
 * it cannot do.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { built, missingLibwebsockets, missingTomcat } from "./builds.ts";
import type { Action, CloseAnswer } from "./cases.ts";
import { installationOf, missingLibrary, type PythonLibrary, pythonProgram } from "./python.ts";

/** A server of another project. */
export interface ForeignServer {
  readonly name: string;
  /** How it gets onto a machine. */
  readonly installation: string;
  /** Why it has no test for some actions. */
  readonly cannot: Readonly<Partial<Record<Action, string>>>;
  /** Whether it has permessage-deflate. */
  readonly compresses: boolean;
  /** What it answers to every close, where it does not echo status and reason. */
  readonly answered?: CloseAnswer;
  /** Why it cannot run here; undefined where it can. */
  missing(): string | undefined;
  /** What starts it; it prints `listening on PORT`. */
  command(compressed: boolean): Promise<readonly string[]>;
}

export const foreignServers: readonly ForeignServer[] = [
  python("Python's websockets", "websockets", { compresses: true, cannot: {} }),
  // RFC 6455, 5.5.1: it "typically echos the status code", which is not a rule.
  python("aiohttp", "aiohttp", {
    compresses: true,
    cannot: {},
    answered: { status: 1000, reason: "" },
  }),
  python("Tornado", "tornado", {
    compresses: true,
    cannot: {},
    answered: { status: 4001, reason: "" },
  }),
  python("libsoup", "soup", { compresses: true, cannot: {} }),
  python("Qt's QWebSocketServer", "qt", {
    compresses: false,
    cannot: { subprotocol: "QWebSocketServer agrees on none before Qt 6.4" },
  }),
  {
    name: "libwebsockets",
    installation: "apt-get install gcc libc6-dev libwebsockets-dev",
    cannot: {},
    compresses: true,
    missing: missingLibwebsockets,
    command: async (compressed) => [
      ...(await built("servers/libwebsockets_server.c")),
      ...flags(compressed),
    ],
  },
  {
    name: "Tomcat",
    installation: "apt-get install openjdk-17-jdk-headless libtomcat10-java",
    cannot: {},
    compresses: true,
    missing: missingTomcat,
    command: async (compressed) => [
      ...(await built("servers/TomcatServer.java")),
      ...flags(compressed),
    ],
  },
];

/** A server of a library for the system's Python. */
function python(
  name: string,
  library: PythonLibrary,
  facts: Pick<ForeignServer, "cannot" | "compresses" | "answered">,
): ForeignServer {
  const program = fileURLToPath(new URL(`servers/${library}_server.py`, import.meta.url));
  return {
    name,
    ...facts,
    installation: installationOf(library),
    missing: () => missingLibrary(library),
    command: (compressed) => Promise.resolve([pythonProgram, "-B", program, ...flags(compressed)]),
  };
}

function flags(compressed: boolean): string[] {
  return compressed ? ["--compression"] : [];
}
