// `GET /api/jobs/:id` as functions/jobs-by-id answers it to anyone, in JavaScript; changes none.

import { publicJson, serve, toJson } from "trm/answer";
import { getOrSet } from "trm/cache";
import { ObjectId, findOne, view } from "trm/documents";
import { Problem } from "trm/problem";

export const handler = serve((request) => {
  const id = request.id("id");
  request.query([]);
  if (!["GET", "HEAD"].includes(request.method)) throw Problem.method("GET, HEAD");
  const tags = [`job:${id}`];
  const body = getOrSet(`javascript:${id}`, { tags }, () => {
    const job = findOne("jobs", { _id: new ObjectId(id) });
    // A draft is no more there than a job that is not.
    if (!job || job.status === "draft") throw Problem.notFound(`there is no job ${id}`);
    return toJson(view(job));
  });
  return publicJson(body, tags);
});
