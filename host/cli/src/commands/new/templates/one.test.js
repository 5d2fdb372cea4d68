// What of the function needs no host.

import assert from "node:assert";
import test from "node:test";
import { key } from "./app.js";

test("each has a key of its own within the grant", () => {
  assert.ok(key("1").startsWith("@things@:"));
  assert.notEqual(key("1"), key("2"));
});
