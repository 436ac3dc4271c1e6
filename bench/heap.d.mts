/** What a loop over messages costs each of them, in bytes. */
export interface HeapCost {
  readonly loop: string;
  /** Undefined on Bun: JavaScriptCore does not tell. */
  readonly allocated?: number;
  readonly stays: number;
}

export function measure(runtime: string): HeapCost[];
