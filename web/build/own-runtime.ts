/**
 * The bundler's own few bytes lie in each chunk that needs them. As a chunk of theirs they are asked for when the chunk
 * that needs them is here: on a slow line a request's whole way for a hundred bytes.
 */
import type { Plugin, Rolldown } from "vite";

const RUNTIME = /(?:^|\/)(rolldown-runtime-[\w-]+\.js)$/;

/** A chunk's code with what it imports of the runtime in it. runtime: that chunk's code; name: of its file. */
export function withRuntime(code: string, runtime: string, name: string): string {
  const [, body, exported] = /^([^]*)export\s*\{([^}]*)\};?\s*$/.exec(runtime) ?? [];
  if (body === undefined || exported === undefined) throw new Error("the runtime exports in another way than it did");
  const made = exported.split(",").map((one) => one.trim().replace(/^(\S+) as (\S+)$/, "$2:$1"));
  const line = new RegExp(`import\\s*\\{([^}]*)\\}\\s*from\\s*"\\./${name.replaceAll(".", "\\.")}";?`);
  return code.replace(line, (_whole, wanted: string) => {
    const names = wanted.replace(/(\S+) as (\S+)/g, "$1:$2");
    return `const{${names}}=(()=>{${body}return{${made.join(",")}}})();`;
  });
}

/** Of a worker's chunks; the page's runtime loads with its entry. */
export function ownRuntime(): Plugin {
  return {
    name: "zajil:own-runtime",
    generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((one): one is Rolldown.OutputChunk => one.type === "chunk");
      const runtime = chunks.find(({ fileName }) => RUNTIME.test(fileName));
      const [, name] = RUNTIME.exec(runtime?.fileName ?? "") ?? [];
      if (runtime === undefined || name === undefined) return;
      for (const chunk of chunks) {
        if (chunk === runtime || !chunk.imports.includes(runtime.fileName)) continue;
        // Its name holds the hash of the import, and so of what stands in its place.
        chunk.code = withRuntime(chunk.code, runtime.code, name);
        if (chunk.code.includes(name)) this.error(`${chunk.fileName} imports the runtime in another way than it did`);
      }
      Reflect.deleteProperty(bundle, runtime.fileName);
    },
  };
}
