/** Calls that bring a further device into the account, on both ends (service.md 2, device linking). */
import type { LinkProgress } from "../api.ts";
import { ZajilError } from "../../protocol/errors.ts";
import type { Announced } from "../history/handing.ts";
import { failureOf } from "../failure.ts";
import { approve, linkNew, preview } from "../shell/linking.ts";
import type { Opening } from "./account.ts";
import type { Handlers, Host } from "./handlers.ts";
import { learnServer } from "./reach.ts";

export const LINK_MS = 120_000;

type Names = "start_linking" | "cancel_linking" | "preview_link" | "approve_link";

/** Calls about linking. One attempt at a time: a new one, or `cancel_linking`, ends the one before. */
export function deviceVerbs(host: Host, opening: Opening): Handlers<Names> {
  let running: AbortController | undefined;
  const tell = (progress: LinkProgress) => host.emit({ event: "linking", progress });

  async function run(name: string, signal: AbortSignal): Promise<void> {
    try {
      await learnServer(host, null);
      await linkNew(host.store, host.calls, {
        server: host.server,
        deviceName: name,
        now: () => host.now(),
        signal,
        onCode: (code, emoji) => tell({ phase: "waiting", code, emoji, expires_at: host.now() + LINK_MS }),
        onApproved: () => tell({ phase: "approved" }),
      });
      if (signal.aborted) return;
      tell({ phase: "chats" });
      await opening.opened();
      tell({ phase: "done" });
    } catch (problem) {
      if (!signal.aborted) tell(endOf(problem));
    }
  }

  return {
    start_linking({ device_name }) {
      running?.abort();
      running = new AbortController();
      void run(device_name, running.signal);
      return Promise.resolve();
    },
    cancel_linking() {
      running?.abort();
      running = undefined;
      return Promise.resolve();
    },
    async preview_link({ code }) {
      return preview(host.core(), host.calls, code);
    },
    async approve_link({ code, history }) {
      let announced: Announced | undefined;
      const announce = async () => {
        announced = history ? await announceHistory(host) : undefined;
        return announced?.parts ?? [];
      };
      let device: number;
      try {
        device = await approve(host.core(), host.calls, host.tokens(), code, announce);
      } catch (problem) {
        await announced?.drop();
        throw problem;
      }
      announced?.send();
      host.wake();
      return { device, history: !announced ? "stays" : announced.parts.length > 0 ? "goes" : "none" };
    },
  };
}

/** Undefined where it cannot be announced now; what does it loads with the first device that is approved. */
async function announceHistory(host: Host): Promise<Announced | undefined> {
  const module = await import("../history/handing.ts").catch(() => undefined);
  return module?.announce(host.core(), await host.files());
}

function endOf(problem: unknown): LinkProgress {
  const code = problem instanceof ZajilError ? problem.code : "";
  if (code === "link-expired") return { phase: "expired" };
  return { phase: code === "link-mismatch" ? "refused" : "failed", failure: failureOf(problem) };
}
