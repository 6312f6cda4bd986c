/** How much each rung of the ladder may carry, and what is given up first on a slow network. */
import type { Step } from "../../../protocol/calls/quality.ts";
import type { Rate } from "../../callorders.ts";
import type { Rung } from "./shared.ts";

/** Sound as it is coded: by UDP it goes twice. */
const FULL: Readonly<Record<Rung, Required<Rate>>> = {
  A: { audioKbps: 32, video: { height: 360, framesPerSecond: 20, kbps: 600 } },
  B: { audioKbps: 24, video: { height: 360, framesPerSecond: 15, kbps: 300 } },
};
/** With three or four people, and one step down. */
const SMALL = { height: 180, framesPerSecond: 15, kbps: 150 };

/** people: in the call, with us. */
export function rateOf(rung: Rung, people: number, step: Step): Rate {
  const full = FULL[rung];
  if (step === "full") return people > 2 ? { ...full, video: SMALL } : full;
  if (step === "small") return { ...full, video: SMALL };
  const audioKbps = { "no-video": full.audioKbps, "less-audio": 24, "least-audio": 16 }[step];
  return { audioKbps: Math.min(audioKbps, full.audioKbps) };
}
