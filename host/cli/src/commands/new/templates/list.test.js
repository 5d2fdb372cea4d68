// What of the function needs no host.

import assert from "node:assert";
import test from "node:test";
import { NEWEST } from "./app.js";

test("the newest are asked for and never all", () => {
  assert.ok(NEWEST.limit >= 1 && NEWEST.limit <= 1000);
  assert.equal(NEWEST.sort._id, -1);
});
