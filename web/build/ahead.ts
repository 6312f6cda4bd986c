/**
 * Names in the index what the first screen of somebody without an account loads after the entry, so that `boot.js` can
 * ask for it while the entry is on its way: on a slow line each request that waits for another costs its whole way.
 */
import type { Plugin, Rolldown } from "vite";

type Chunk = Pick<Rolldown.OutputChunk, "fileName" | "imports" | "isEntry" | "facadeModuleId"> & {
  readonly viteMetadata?: { readonly importedCss: ReadonlySet<string> } | undefined;
};

const START = /\/ui\/start\/Start\.svelte$/;
const WORDS = /^\0virtual:messages\/\w+\/(first|start|errors)$/;

/** The files of these chunks' first screen beyond what loads with the entry: scripts, then styles. */
export function filesAhead(chunks: readonly Chunk[]): string[] {
  const named = new Map(chunks.map((chunk) => [chunk.fileName, chunk]));
  const withAll = (found: Set<Chunk>, chunk: Chunk | undefined): Set<Chunk> => {
    if (chunk === undefined || found.has(chunk)) return found;
    found.add(chunk);
    return chunk.imports.reduce((all, name) => withAll(all, named.get(name)), found);
  };
  const reached = (of: readonly Chunk[]): Set<Chunk> => of.reduce(withAll, new Set<Chunk>());
  const isFirst = ({ facadeModuleId: id }: Chunk): boolean => START.test(id ?? "") || WORDS.test(id ?? "");
  const there = reached(chunks.filter(({ isEntry }) => isEntry));
  const more = [...reached(chunks.filter(isFirst))].filter((chunk) => !there.has(chunk));
  const styles = new Set(more.flatMap((chunk) => [...(chunk.viteMetadata?.importedCss ?? [])]));
  return [...more.map(({ fileName }) => fileName), ...styles];
}

/** Puts them at `boot.js`, as `data-ahead`. */
export function ahead(): Plugin {
  return {
    name: "zajil:ahead",
    transformIndexHtml: {
      order: "post",
      handler(html, { bundle }) {
        if (bundle === undefined) return html; // while somebody is writing
        const files = filesAhead(
          Object.values(bundle).filter(({ type }) => type === "chunk") as Rolldown.OutputChunk[],
        );
        const marked = html.replace('src="./boot.js"', (src) => `${src} data-ahead="${files.join(" ")}"`);
        if (marked === html || files.length === 0) this.error("the index has no boot.js, or nothing to ask for ahead");
        return marked;
      },
    },
  };
}
