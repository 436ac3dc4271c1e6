import type { Backplane } from "../../src/connection/server/backplane.ts";
import { PreparedMessage } from "../../src/endpoint/prepared.ts";
import { OpText } from "../../src/frame/opcode.ts";

/** What goes over the channel. */
interface Letter {
  readonly topic: string;
  readonly data: string | Uint8Array;
}

/** A backplane over a BroadcastChannel, which joins the workers of a process: what docs/broadcast.md shows. */
export function broadcastChannelBackplane(name: string): Backplane {
  return {
    join(member) {
      const channel = new BroadcastChannel(name);
      const wanted = new Set<string>();
      channel.onmessage = ({ data: letter }: { readonly data: unknown }) => {
        const { topic, data } = letter as Letter;
        if (wanted.has(topic)) member.deliver({ topic, message: new PreparedMessage(data) });
      };
      return {
        publish({ topic, message: { opcode, bytes } }) {
          const data = opcode === OpText ? new TextDecoder().decode(bytes) : bytes;
          channel.postMessage({ topic, data });
        },
        subscribe: (topic) => void wanted.add(topic),
        unsubscribe: (topic) => void wanted.delete(topic),
        leave: () => {
          channel.close();
        },
      };
    },
  };
}
