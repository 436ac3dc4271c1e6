/**
 * The types of the Web's streams, for the declarations of the package. Types only.
 *
 * A project without any runtime's types has no global of such a name: it gets a type with what all runtimes have in common.
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
