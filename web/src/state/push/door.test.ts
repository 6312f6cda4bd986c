/** Whatever ends the account in this browser ends what wakes it too. */
import { beforeEach, expect, test, vi } from "vitest";
import type { Link } from "../../core/link.ts";
import { type Host, useHost } from "../host.ts";

const order: string[] = [];
vi.mock("./push.svelte.ts", () => ({ push: { leave: () => (order.push("leave"), Promise.resolve()) } }));
const { deleteAccount, logOut } = await import("./door.ts");

let fails = false;
beforeEach(() => {
  order.length = 0;
  fails = false;
  const call = (name: string): Promise<unknown> => {
    order.push(name);
    return fails ? Promise.reject(new Error(name)) : Promise.resolve(undefined);
  };
  const browser = { readPreference: () => "yes" };
  useHost({ link: { call } as unknown as Link, browser: browser as unknown as Host["browser"] });
});

test("who logs out says goodbye while there is a session", async () => {
  await logOut();
  expect(order).toEqual(["leave", "log_out"]);
});

test("an account that is deleted wakes this browser no more, and one that could not be deleted still does", async () => {
  fails = true;
  await expect(deleteAccount()).rejects.toThrow("delete_account");
  expect(order).toEqual(["delete_account"]);
  fails = false;
  await deleteAccount();
  expect(order).toEqual(["delete_account", "delete_account", "leave"]);
});
