// `trm:platform/cache`: the two-tier cache, read through one call; decides no keys.

import * as host from "trm:platform/cache@0.1.0";

/** Invalidates every entry that carries the tag, on all hosts. */
export const invalidateTag = host.invalidateTag;

/** Invalidates every key under a prefix of whole segments: `jobs:*`. */
export const invalidatePattern = host.invalidatePattern;

/**
 * The value of a key. On a miss one caller on this host computes it and the others wait; what `compute` throws is
 * thrown, nothing is kept, and the next caller computes. A cache that is saturated costs only its help.
 */
export function getOrSet(key, { tags = [], ttlMs = null }, compute) {
  let found;
  try {
    found = host.getOrFill(key);
  } catch (fault) {
    if (fault?.payload?.tag === "saturated") return compute();
    throw fault;
  }
  if (found.tag === "hit") return found.val;
  const fill = found.val;
  try {
    const value = compute();
    keep(fill, value, { tags, ttlMs });
    return value;
  } finally {
    // Where nothing was kept, the right to compute passes on.
    fill[Symbol.dispose]();
  }
}

// The answer is right whether or not it could be kept.
function keep(fill, value, options) {
  try {
    fill.complete(value, options);
  } catch (fault) {
    if (!["too-large", "deadline-exceeded"].includes(fault?.payload?.tag)) throw fault;
  }
}
