/** ts-mls as published, without wrapper or corrections: to pin the traps that both are for. */
import { RawClient } from "./raw-client.ts";
import { serve } from "./serve.ts";

await serve((suite, identity, directory, now) =>
  RawClient.create(suite, identity, directory, now),
);
