import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { Endpoint } from "../../src/endpoint/endpoint.ts";
import { PreparedMessage } from "../../src/endpoint/prepared.ts";
import { FrameDecoder } from "../../src/frame/decoder.ts";
import { counted } from "../support/frames.ts";
import { openSessions, ShiftExtension } from "../support/shift-extension.ts";
import { EventTrace, FrameTrace } from "../support/trace.ts";

/** What an endpoint has gathered, frame by frame, whatever its masks. */
function frames({ output }: Endpoint): string[] {
  const trace = new FrameTrace();
  new FrameDecoder(trace).feed(output.take()!);
  output.giveBack();
  const lines: string[] = [];
  for (let i = 0; i < trace.lines.length; i += 3) {
    lines.push(`${trace.lines[i]!.replace(/ mask.*/, "")} ${trace.lines[i + 1]}`);
  }
  return lines;
}

describe("PreparedMessage", () => {
  it("holds text as UTF-8 and bytes as a copy", () => {
    const bytes = counted(4);
    const message = new PreparedMessage(bytes);
    bytes.fill(9);
    expect([message.opcode, message.bytes]).toEqual([2, counted(4)]);
    expect(new PreparedMessage("ä")).toMatchObject({ opcode: 1, bytes: encodeUtf8("ä") });
  });

  it("is sent as any other, on either side, with extensions and without", () => {
    const message = new PreparedMessage("hi", false);
    for (const side of ["server", "client"] as const) {
      const plain = new Endpoint(side, new EventTrace());
      plain.sendPrepared(message);
      plain.close(1000, "");
      plain.sendPrepared(message);
      expect(frames(plain)).toEqual(["text fin rsv 0 6869", "close fin rsv 0 03e8"]);
      const extensions = openSessions(new ShiftExtension());
      const extended = new Endpoint(side, new EventTrace(), { extensions });
      extended.sendPrepared(message);
      extended.sendPrepared(new PreparedMessage("hi"));
      expect(frames(extended)).toEqual(["text fin rsv 0 6869", "text fin rsv 2 696a"]);
    }
  });
});
