/**
 * Names that mean the same in every block of the documents, where a block does not declare them itself: what a fragment
 * takes from the program around it. See test/package/blocks.test.ts. A name that means something else in one block is
 * declared in a comment in front of it.
 */

/** An open connection, with a context whose fields are text. */
declare const ws: import("framewire").Connection<Record<string, string>>;
/** A server that runs. */
declare const server: import("framewire").Server;
/** What some server is given. */
declare const options: import("framewire").ServeOptions;
declare const handlers: import("framewire").ServerHandlers;
declare const signal: AbortSignal;
declare const token: string;
declare const bytes: Uint8Array;
declare const port: number;
/** A certificate and its key, in PEM. */
declare const cert: string;
declare const key: string;

/** What an application does with messages. */
declare function handle(data: unknown): Promise<void>;

/** As far as the documents use it. */
declare module "cloudflare:sockets" {
  export function connect(
    address: { readonly hostname: string; readonly port: number },
    options: {
      readonly secureTransport: "on" | "off";
      readonly allowHalfOpen: boolean;
      readonly highWaterMark: number;
    },
  ): import("framewire/streams").StreamPair;
}
