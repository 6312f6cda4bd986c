/** The way to channels stands at the foot of the list where the server has them, with and without a network. */
import { Hands } from "./acts.ts";
import { expect, type Person, type Server, test } from "./world.ts";

async function signedUp(server: Server, arrive: () => Promise<Person>): Promise<Hands> {
  const anna = new Hands((await arrive()).page);
  await anna.open(server.invite().link);
  await anna.signUp("Anna");
  await expect(anna.see("route-pill")).toHaveAttribute("data-state", "direct");
  await anna.page.evaluate(() => navigator.serviceWorker.ready);
  return anna;
}

/** Waits until the page was told what the server has, which it keeps for times without one. */
async function told(anna: Hands, has: "yes" | "no"): Promise<void> {
  await expect.poll(() => anna.page.evaluate(() => localStorage.getItem("zajil.public"))).toBe(has);
}

test.describe("a server without channels", () => {
  test("has no way to them, also after a reload and without a network", async ({ server, arrive }) => {
    const anna = await signedUp(server, arrive);
    await told(anna, "no");
    await expect(anna.see("place-channels")).toHaveCount(0);
    await expect(anna.see("place-chats")).toHaveCount(0);
    await server.stop();
    await anna.page.reload();
    await expect(anna.see("chat-list")).toBeVisible();
    await expect(anna.see("place-channels")).toHaveCount(0);
  });
});

test.describe("a server with channels", () => {
  test.use({ settings: "public_space = true\n" });

  test("leads to them, also without a network", async ({ server, arrive }) => {
    const anna = await signedUp(server, arrive);
    await expect(anna.see("place-channels")).toBeVisible();
    await server.stop();
    await anna.page.reload();
    await expect(anna.see("place-channels")).toBeVisible();
  });
});
