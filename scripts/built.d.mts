export declare const root: string;
export declare function ensureBuilt(): void;
export declare function runtimeCommand(runtime: string): [program: string, ...args: string[]];
