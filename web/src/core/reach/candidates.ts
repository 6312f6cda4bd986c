/** Which ways there are: each endpoint, by WebSocket and by POSTs. */
import type { Candidate } from "../../protocol/path/candidates.ts";
import type { Endpoint } from "../../protocol/reach/endpoints.ts";

const STRATEGIES = ["wss", "poll"] as const;

/** The page's own server first, then what the documents name. */
export function candidatesOf(own: Endpoint, endpoints: readonly Endpoint[]): Candidate[] {
  const isOwn = ({ id, kind, host, port }: Endpoint): boolean =>
    id === own.id || (kind === own.kind && host === own.host && port === own.port);
  const others = endpoints.filter((endpoint) => !isOwn(endpoint));
  return [own, ...others].flatMap((endpoint) =>
    STRATEGIES.map((strategy) => ({ id: `${endpoint.id}/${strategy}`, endpoint, strategy })),
  );
}
