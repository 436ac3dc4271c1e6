/**
 * The Web's streams, as the declarations of the package name them. Types only.
 *
 * A project without any runtime's types has no global of that name: there, what all runtimes' have in common stands in.
 *
 * @module
 */

/** The runtime's own `ReadableStream`. */
export type WebReadable = typeof globalThis extends { ReadableStream: { prototype: infer Own } }
  ? Own
  : { readonly locked: boolean; cancel(reason?: unknown): Promise<void>; getReader(): unknown };

/** The runtime's own `WritableStream`. */
export type WebWritable = typeof globalThis extends { WritableStream: { prototype: infer Own } }
  ? Own
  : {
      readonly locked: boolean;
      abort(reason?: unknown): Promise<void>;
      close(): Promise<void>;
      getWriter(): unknown;
    };
