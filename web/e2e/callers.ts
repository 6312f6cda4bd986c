/** Two people who may call each other, and what their pages keep so that a call can be heard. */
import { Hands } from "./acts.ts";
import type { Person } from "./world.ts";

export interface Friends {
  readonly anna: Hands;
  readonly boris: Hands;
  /** Another tab of Boris's browser. */
  tab(): Promise<Hands>;
}

/** Two people in browsers of their own, contacts of each other, each with their chat open. */
export async function befriend(
  server: { invite(uses: number): { link: string } },
  arrive: (options: object) => Promise<Person>,
): Promise<Friends> {
  const { link } = server.invite(2);
  const come = async (name: string): Promise<readonly [Hands, Person]> => {
    const person = await arrive({ permissions: ["microphone", "camera"] });
    await person.page.addInitScript(keepConnections);
    await person.page.addInitScript(keepPlayers);
    const hands = new Hands(person.page);
    await hands.open(link);
    await hands.signUp(name);
    return [hands, person];
  };
  const [[anna], [boris, browser]] = await Promise.all([come("Anna"), come("Boris")]);
  await boris.addPerson(await anna.makeInvite());
  await boris.say("hello");
  await anna.goTo("#/");
  await anna.openChat("Boris");
  await anna.sees("hello");
  await anna.say("hello back");
  await boris.sees("hello back");
  return { anna, boris, tab: async () => new Hands(await browser.tab()) };
}

declare global {
  interface Window {
    /** Every player that the page made, by `keepPlayers`. */
    players: HTMLAudioElement[];
  }
}

/** Runs in the page before anything else: players are in no document, so that only who makes them knows them. */
function keepPlayers(): void {
  window.players = [];
  const Made = Audio;
  window.Audio = function (): HTMLAudioElement {
    const player = new Made();
    window.players.push(player);
    return player;
  } as unknown as typeof Audio;
}

/** In the page: keeps every connection that is opened, so that what it brings can be counted. */
export function keepConnections(): void {
  const connections: RTCPeerConnection[] = [];
  globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      connections.push(this);
    }
  };
  Object.assign(globalThis, { connections });
}
