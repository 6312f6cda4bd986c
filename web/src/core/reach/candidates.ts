/** Which ways there are: each endpoint, by WebSocket and by POSTs. */
import type { Candidate } from "../../protocol/path/candidates.ts";
import type { Endpoint } from "../../protocol/reach/endpoints.ts";
import { OWN, ownEndpoint, portOf } from "../transports/dialing.ts";

const STRATEGIES = ["wss", "poll"] as const;

/** The page's own server first, then what the documents name. */
export function candidatesOf(base: URL, endpoints: readonly Endpoint[]): Candidate[] {
  const own = ownEndpoint(base);
  const isOwn = ({ id, kind, host, port }: Endpoint): boolean =>
    id === OWN || (kind === "origin" && host === base.hostname && port === portOf(base));
  const others = endpoints.filter((endpoint) => !isOwn(endpoint));
  return [own, ...others].flatMap((endpoint) =>
    STRATEGIES.map((strategy) => ({ id: `${endpoint.id}/${strategy}`, endpoint, strategy })),
  );
}
