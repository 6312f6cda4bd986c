/** The core worker's entry: no more than an import, since WebKit runs an entry again where a chunk imports it. */
import "./serve.ts";
