// The log, for an engine that brings no `console`: lines of it go to the host's log under the function's name.

import { encode } from "trm/text";
import * as stderr from "wasi:cli/stderr@0.2.12";

// The most bytes of one write.
const PART = 4096;

function log(...values) {
  const line = encode(`${values.map(String).join(" ")}\n`);
  const stream = stderr.getStderr();
  for (let at = 0; at < line.length; at += PART) stream.blockingWriteAndFlush(line.subarray(at, at + PART));
}

globalThis.console ??= { log, info: log, warn: log, error: log, debug: log };
