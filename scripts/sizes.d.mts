export const bundles: Readonly<Record<string, string>>;
export function bundle(source: string, minify?: boolean): Promise<Uint8Array>;
export function gzipSize(source: string): Promise<number>;
export function readBudgets(): Readonly<Record<string, number>>;
