/**
 * Pools of few KeyPackages, for devices at a real server: the product's 52 take some tenths of a second each time
 * somebody registers. Importing this module does it for the thread; browser stories fill the product's pools.
 */
import { SUITE_RFC1, SUITE_XWING } from "../../protocol/limits.ts";
import { Core } from "../rules/core.ts";
import type { Pools } from "../rules/keypackages.ts";

const SMALL_POOLS: Pools = [
  [SUITE_XWING, 6],
  [SUITE_RFC1, 4],
];
const make = Reflect.get(Core.prototype, "makeKeyPackages") as Core["makeKeyPackages"];

Core.prototype.makeKeyPackages = function (held, pools = SMALL_POOLS) {
  return make.call(this, held, pools);
};
