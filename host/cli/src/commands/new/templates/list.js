// `GET @route@` lists @things@; changes none.

import { publicJson, serve, toJson } from "trm/answer";
import { getOrSet } from "trm/cache";
import { find, view } from "trm/documents";
import { Problem } from "trm/problem";

const TAGS = ["@things@:list"];

/** The newest, and never all. */
export const NEWEST = { sort: { _id: -1 }, limit: 20 };

export const handler = serve((request) => {
  request.query([]);
  if (!["GET", "HEAD"].includes(request.method)) throw Problem.method("GET, HEAD");
  const body = getOrSet("@things@:newest", { tags: TAGS }, () => {
    const page = find("@things@", {}, NEWEST);
    return toJson(page.documents.map(view));
  });
  return publicJson(body, TAGS);
});
