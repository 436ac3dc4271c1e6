import type { Case } from "./case.ts";
import { afterwards, closing } from "./closing.ts";
import { constructing } from "./constructing.ts";
import { members } from "./members.ts";
import { receiving } from "./receiving.ts";
import { sending } from "./sending.ts";

/**
 * What the standard says of a WebSocket, as programs that run with any class: in the tests of framewire/websocket on each runtime, and
 * in Chromium with its own (test/browser/websocket-cases.test.ts).
 */
export const cases: readonly Case[] = [
  ...constructing,
  ...members,
  ...sending,
  ...receiving,
  ...closing,
  ...afterwards,
];

export type { Case } from "./case.ts";
