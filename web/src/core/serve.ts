/** The core worker: calls of a tab in, answers and events out. Keys, MLS, store and sync live behind it. */
import type { CoreEvent, FromWorker, Status, ToWorker } from "./api.ts";
import { Device } from "./device.ts";
import { failureOf } from "./failure.ts";
import { Election, Told } from "./lead.ts";
import { Gate } from "./lock/gate.ts";
import { KekShare } from "./lock/share.ts";
import { serverOf } from "./shell/network.ts";

const PROFILE = "main";

const SERVER = serverOf(location.href);

/** The part of a worker's global scope used here; TypeScript's own library for it clashes with the page's. */
interface Scope {
  postMessage(message: FromWorker): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
}
declare const self: Scope;

const post = (message: FromWorker): void => self.postMessage(message);

/** Each tab is told its own phase: the leader's status says "leading". */
function localStatus(status: Status): Status {
  return { ...status, lead: election.lead };
}

function emit(event: CoreEvent): void {
  post(event.event === "status" ? { event: "status", status: localStatus(event.status) } : event);
}

const share = new KekShare(PROFILE);
const election = new Election({
  profile: PROFILE,
  locks: navigator.locks,
  channel: new BroadcastChannel(`zajil-core:${PROFILE}`),
  self: crypto.randomUUID(),
  begin: (tell) =>
    Gate.lead({ profile: PROFILE, server: SERVER, emit: tell, end: (reason) => election.stop(reason) }, share),
  emit,
  phase: (lead) => {
    if (lead.phase === "stopped") post({ event: "status", status: Device.stoppedStatus(lead, Date.now()) });
    else void tellStatus();
  },
});

async function tellStatus(): Promise<void> {
  try {
    const status = (await election.call("status", undefined)) as Status;
    post({ event: "status", status: localStatus(status) });
  } catch {
    // Stopped meanwhile, which was told by itself.
  }
}

async function answer(id: number, name: Extract<ToWorker, { id: number }>["call"], args: unknown): Promise<void> {
  try {
    const ok = await election.call(name, args);
    post({ id, ok: name === "status" ? localStatus(ok as Status) : ok });
  } catch (problem) {
    post({ id, error: problem instanceof Told ? problem.failure : failureOf(problem) });
  }
}

self.onmessage = ({ data }) => {
  if ("visible" in data) election.setVisible(data.visible);
  else void answer(data.id, data.call, data.args);
};

// Without Web Locks (no secure context, an old browser) two tabs could not keep out of each other's way.
if ((navigator.locks as LockManager | undefined) === undefined) election.stop("no-browser-support");
else void election.start().catch(() => election.stop("lost-lead"));
