import { describe, expect, it } from "vitest";
import { encodeUtf8 } from "../../src/bytes.ts";
import { StateClientSide, StateExtended, StateServerSide } from "../../src/frame/check.ts";
import { UpgradedStream } from "../../src/handshake/upgraded-stream.ts";
import { BufferedStream } from "../../src/io/buffered.ts";
import { ScriptedStream, textOf } from "./streams.ts";

const plain = { side: StateServerSide, protocol: "", extensions: [], context: undefined };

describe("UpgradedStream", () => {
  it("reads what came with the handshake first, then the stream", async () => {
    const inner = new ScriptedStream([encodeUtf8("headfirst"), encodeUtf8("second")], "end");
    const handshaken = new BufferedStream(inner, { size: 16 });
    await handshaken.fill();
    handshaken.consume(4);
    const stream = new UpgradedStream(handshaken, plain);
    expect(stream.buffered).toBe(5);
    const into = new Uint8Array(16);
    const counts: number[] = [];
    let text = "";
    for (let count = 1; count > 0;) {
      count = await stream.read(into);
      counts.push(count);
      text += textOf(into.subarray(0, count));
    }
    expect([text, counts]).toEqual(["firstsecond", [5, 6, 0]]);
  });

  it("goes on with the same buffer over the same stream", async () => {
    const inner = new ScriptedStream();
    const handshaken = new BufferedStream(inner, { size: 16 });
    const stream = new UpgradedStream(handshaken, plain);
    expect([stream.inner, stream.bytes]).toEqual([inner, handshaken.bytes]);
    expect(stream.bytes).toBe(handshaken.bytes);
    await stream.write(encodeUtf8("hi"));
    await stream.close();
    expect([inner.text, inner.closes]).toEqual(["hi", 1]);
  });

  it("gives what was agreed on", () => {
    const extensions = [{ name: "a", parameters: [] }];
    const context = { user: "me" };
    const agreement = { side: StateClientSide, protocol: "chat", extensions, context };
    const stream = new UpgradedStream(new BufferedStream(new ScriptedStream()), agreement);
    expect(stream).toMatchObject({ protocol: "chat", extensions, context });
    const user: string = stream.context.user;
    expect(user).toBe("me");
  });

  it("has the sessions of its extensions for each direction, and closes them with itself", async () => {
    const inner = new ScriptedStream();
    const recv = { unsetBits() {} };
    const send = { setBits() {} };
    let closes = 0;
    const sessions = [{ recv }, { send }, { close: () => void closes++ }];
    const stream = new UpgradedStream(new BufferedStream(inner), { ...plain, sessions });
    expect(stream.sessions).toBe(sessions);
    expect([stream.recvExtensions, stream.sendExtensions]).toEqual([[recv], [send]]);
    await stream.close();
    expect([closes, inner.closes]).toEqual([1, 1]);
  });

  it("has no sessions without extensions", () => {
    expect(new UpgradedStream(new BufferedStream(new ScriptedStream()), plain).sessions).toEqual(
      [],
    );
  });

  it.each([
    [StateServerSide, 0, StateServerSide],
    [StateClientSide, 0, StateClientSide],
    [StateServerSide, 1, StateServerSide | StateExtended],
    [StateClientSide, 2, StateClientSide | StateExtended],
  ])("is of side %i with %i extensions: state %i", (side, count, state) => {
    const extensions = Array.from({ length: count }, () => ({ name: "a", parameters: [] }));
    const handshaken = new BufferedStream(new ScriptedStream());
    expect(new UpgradedStream(handshaken, { ...plain, side, extensions }).state).toBe(state);
  });
});
