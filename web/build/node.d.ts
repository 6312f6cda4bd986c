/** The few names of Node that the build and the test peer use; all of @types/node would be one more dependency. */
interface ImportMeta {
  readonly dirname: string;
}
declare const process: {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly stdout: { write(text: string): boolean };
};
declare module "node:path" {
  export function resolve(...parts: string[]): string;
}
declare module "node:readline" {
  export function createInterface(options: { input: AsyncIterable<Uint8Array> }): AsyncIterable<string>;
}
