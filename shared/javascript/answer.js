// Answers: whole JSON bodies with their headers, and the door that every function has; streams nothing.

import { Problem } from "trm/problem";
import { Request } from "trm/request";
import { encode } from "trm/text";

// What a client revalidates each time, a shared cache keeps for a minute, and longer while it asks anew or the origin
// is away.
const PUBLIC = encode("public, max-age=0, s-maxage=60, stale-while-revalidate=30, stale-if-error=300");
// What does not say that it may be shared is the caller's alone.
const PRIVATE = encode("private, no-cache");
const JSON_TYPE = encode("application/json");
const NOTHING = new Uint8Array();

/** A function's way in: `route` is given the request, and returns an answer or throws a problem. */
export function serve(route) {
  return {
    handle(plain) {
      let answer;
      try {
        answer = route(new Request(plain));
      } catch (fault) {
        answer = refuse(Problem.of(fault));
      }
      if (!answer.headers.some(([name]) => name === "cache-control")) answer.headers.push(["cache-control", PRIVATE]);
      if (plain.method === "HEAD") answer.body = NOTHING;
      return answer;
    },
  };
}

function refuse(problem) {
  const headers = problem.headers.map(([name, value]) => [name, encode(value)]);
  headers.push(["content-type", encode("application/problem+json")], ["cache-control", encode("no-store")]);
  return { status: problem.status, headers, body: toJson(problem.body()) };
}

/** A value as JSON, names in order, as every function writes it. */
export function toJson(value) {
  return encode(JSON.stringify(value, inOrder));
}

function inOrder(_, value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** JSON that is bytes already, as the cache keeps it. */
export function json(body, status = 200) {
  return { status, headers: [["content-type", JSON_TYPE]], body };
}

/** 200 with JSON that anyone may see: shared caches keep it for a minute, and drop it by these tags. */
export function publicJson(body, tags) {
  const answer = json(body);
  answer.headers.push(["cache-control", PUBLIC], ["surrogate-key", encode(tags.join(" "))]);
  return answer;
}

/** 201 with the new resource and where it is. */
export function created(location, value) {
  const answer = json(toJson(value), 201);
  answer.headers.push(["location", encode(location)]);
  return answer;
}
