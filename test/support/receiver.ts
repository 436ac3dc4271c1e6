import { latin1 } from "../../src/bytes.ts";
import type { DeliverySettings, Subscriber } from "../../src/connection/server/delivery.ts";
import type { PreparedMessage } from "../../src/endpoint/prepared.ts";

/** A connection that writes down what it is sent. */
export class Receiver implements Subscriber {
  state: Subscriber["state"] = "open";
  readonly lines: string[] = [];
  onSend = (): void => {};
  delivery: DeliverySettings = { slow: "buffer", maxTopics: 1024 };
  readonly outbox = {
    unsent: 0,
    highWaterMark: 100,
    dropped: 0,
    send: ({ bytes }: PreparedMessage): Promise<void> => {
      this.lines.push(latin1(bytes, 0, bytes.length));
      this.onSend();
      return Promise.resolve();
    },
  };

  terminate(error: unknown): void {
    this.lines.push(`terminated ${(error as { code: string }).code}`);
  }
}
