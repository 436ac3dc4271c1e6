/*
 * The complete list of globals that the core uses: Web-standard ones that Node, Deno and Bun share.
 * `src/` compiles against this file alone, so that a name that is not here does not compile there.
 */

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: Uint8Array, options?: { stream?: boolean }): string;
}

declare class TextEncoder {
  encode(text: string): Uint8Array<ArrayBuffer>;
  encodeInto(text: string, target: Uint8Array): { read: number; written: number };
}

interface URLSearchParams {
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string): boolean;
}

// A `var`, as in the runtimes' own types: only a `var` is a property of `typeof globalThis`.
// oxlint-disable-next-line no-var
declare var URLSearchParams: {
  prototype: URLSearchParams;
  new (query: string): URLSearchParams;
};

declare class URL {
  constructor(url: string | URL, base?: string | URL);
  readonly protocol: string;
  readonly hostname: string;
  readonly port: string;
  readonly host: string;
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
  readonly href: string;
  readonly username: string;
  readonly password: string;
}

interface AbortSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: "abort", listener: () => void): void;
  removeEventListener(type: "abort", listener: () => void): void;
}

// oxlint-disable-next-line no-var -- as above
declare var AbortSignal: { prototype: AbortSignal };

interface Headers extends Iterable<[name: string, value: string]> {
  get(name: string): string | null;
  append(name: string, value: string): void;
  delete(name: string): void;
  keys(): Iterable<string>;
  forEach(call: (value: string, name: string) => void): void;
}

// oxlint-disable-next-line no-var -- as above
declare var Headers: new () => Headers;

interface Request {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
  readonly signal: AbortSignal;
  clone(): Request;
  formData(): Promise<unknown>;
}

// oxlint-disable-next-line no-var -- as above
declare var Request: {
  prototype: Request;
  new (
    from: string | Request,
    init?: {
      method?: string;
      body?: ReadableStream<Uint8Array>;
      signal?: AbortSignal;
    },
  ): Request;
};

interface Response {
  readonly status: number;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array> | null;
}

// oxlint-disable-next-line no-var -- as above
declare var Response: { prototype: Response };

declare class AbortController {
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

interface ReadableStreamController<Chunk> {
  enqueue(chunk: Chunk): void;
  close(): void;
  error(reason?: unknown): void;
  readonly desiredSize: number | null;
}

interface ReadableStream<Chunk> extends AsyncIterable<Chunk> {
  readonly locked: boolean;
  cancel(reason?: unknown): Promise<void>;
  getReader(): {
    read(): Promise<{ done: boolean; value?: Chunk }>;
    releaseLock(): void;
    cancel(reason?: unknown): Promise<void>;
  };
}

// oxlint-disable-next-line no-var
declare var ReadableStream: {
  // oxlint-disable-next-line typescript/no-explicit-any -- as in the runtimes' own types
  prototype: ReadableStream<any>;
  new <Chunk>(
    source: {
      start?(controller: ReadableStreamController<Chunk>): unknown;
      pull?(controller: ReadableStreamController<Chunk>): unknown;
      cancel?(reason?: unknown): unknown;
    },
    strategy?: { highWaterMark?: number },
  ): ReadableStream<Chunk>;
};

interface WritableStream<Chunk> {
  readonly locked: boolean;
  abort(reason?: unknown): Promise<void>;
  close(): Promise<void>;
  getWriter(): {
    readonly ready: Promise<void>;
    readonly closed: Promise<void>;
    write(chunk: Chunk): Promise<void>;
    close(): Promise<void>;
    abort(reason?: unknown): Promise<void>;
    releaseLock(): void;
  };
}

// oxlint-disable-next-line no-var
declare var WritableStream: {
  // oxlint-disable-next-line typescript/no-explicit-any -- as in the runtimes' own types
  prototype: WritableStream<any>;
  new <Chunk>(
    sink: {
      start?(controller: { error(reason?: unknown): void }): unknown;
      write?(chunk: Chunk): unknown;
      close?(): unknown;
      abort?(reason?: unknown): unknown;
    },
    strategy?: { highWaterMark?: number },
  ): WritableStream<Chunk>;
};

declare const crypto: {
  getRandomValues<T extends Int32Array | Uint8Array>(array: T): T;
};

declare const performance: {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
};

declare function queueMicrotask(task: () => void): void;
declare function setTimeout(task: () => void, milliseconds: number): unknown;
declare function setInterval(task: () => void, milliseconds: number): unknown;
declare function clearInterval(timer: never): void;

interface Console {
  /** Used only for errors that no handler takes. */
  error(text: string): void;
}

// oxlint-disable-next-line no-var -- as above
declare var console: Console;
