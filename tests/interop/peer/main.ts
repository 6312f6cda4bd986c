/** The product's side of tests/interop: the wrapper of web/src/core/mls on the corrected ts-mls. */
import { ProductClient } from "./product-client.ts";
import { serve } from "./serve.ts";

await serve((suite, identity, directory, now) =>
  ProductClient.create(suite, identity, directory, now),
);
