// `GET @route@` shows one of @things@; changes none.

import { publicJson, serve, toJson } from "trm/answer";
import { getOrSet } from "trm/cache";
import { ObjectId, findOne, view } from "trm/documents";
import { Problem } from "trm/problem";

/** Where it is cached, and the tag that makes it old. */
export const key = (id) => `@things@:${id}`;

export const handler = serve((request) => {
  const id = request.id("@parameter@");
  request.query([]);
  if (!["GET", "HEAD"].includes(request.method)) throw Problem.method("GET, HEAD");
  const body = getOrSet(key(id), { tags: [key(id)] }, () => {
    const found = findOne("@things@", { _id: new ObjectId(id) });
    if (!found) throw Problem.notFound("there is none of this id");
    return toJson(view(found));
  });
  return publicJson(body, [key(id)]);
});
