import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type * as node from "../../../adapters/websocket/node.ts";
import { runtime } from "../../support/runtime.ts";
import type { Kit } from "./case-kit.ts";
import { startCaseServer } from "./case-server.ts";
import { cases } from "./cases/index.ts";

const { WebSocket, CloseEvent } = (await import(
  `../../../adapters/websocket/${runtime}.ts`
)) as typeof node;

describe("WebSocket of framewire/websocket", () => {
  let server: Awaited<ReturnType<typeof startCaseServer>>;
  let kit: Kit;

  beforeAll(async () => {
    server = await startCaseServer();
    kit = { ...server.places, WebSocket, CloseEvent };
  });

  afterAll(() => server.stop());

  it.each(cases)("$name", async ({ run, expected }) => {
    expect(await run(kit)).toEqual(expected);
  });
});
