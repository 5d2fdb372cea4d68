// GET /api/jobs/:id in Express, with an LRU in the process, Redis behind it and MongoDB as the origin; no other route.
import express from "express";
import Redis from "ioredis";
import { LRUCache } from "lru-cache";
import { MongoClient, ObjectId } from "mongodb";

const { MONGODB_URI, REDIS_URL, PORT = "0", CACHE_L1_MAX_KEYS = "10000" } = process.env;
const jobs = (await MongoClient.connect(MONGODB_URI, { maxPoolSize: 50, minPoolSize: 10 })).db().collection("jobs");
const redis = REDIS_URL ? new Redis(REDIS_URL) : null;
const l1 = new LRUCache({ max: Number(CACHE_L1_MAX_KEYS), ttl: 60_000 });

// As the function shows a document: its id as text, dates as RFC 3339.
const view = ({ _id, ...rest }) => JSON.stringify({ id: _id, ...rest });

async function read(id) {
  const key = `jobs:item:${id}`;
  let body = l1.get(key) ?? (redis && (await redis.get(key)));
  if (!body) {
    const found = await jobs.findOne({ _id: new ObjectId(id) });
    if (!found) return null;
    body = view(found);
    if (redis) await redis.set(key, body, "EX", 300);
  }
  l1.set(key, body);
  return body;
}

const app = express();
app.disable("x-powered-by");
app.get("/api/jobs/:id", async (request, response) => {
  if (!ObjectId.isValid(request.params.id)) return response.status(404).end();
  const body = await read(request.params.id);
  if (body === null) return response.status(404).end();
  response.type("application/json").send(body);
});
const server = app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
