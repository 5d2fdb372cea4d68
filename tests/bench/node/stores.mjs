// MongoDB, and what is read through an LRU in the process and Redis behind it, by key and tag; knows no route.
import Redis from "ioredis";
import { LRUCache } from "lru-cache";
import { MongoClient } from "mongodb";

const { MONGODB_URI, REDIS_URL, CACHE_L1_MAX_KEYS = "10000" } = process.env;
export const client = await MongoClient.connect(MONGODB_URI, { maxPoolSize: 50, minPoolSize: 10 });
export const collection = (name) => client.db().collection(name);

const CHANNEL = "bench-express:invalidated";
const name = (key) => `bench-express:${key}`;
const redis = REDIS_URL ? new Redis(REDIS_URL) : null;
const l1 = new LRUCache({ max: Number(CACHE_L1_MAX_KEYS), ttl: 60_000 });

// Keys of a tag in this process; Redis has its own set of them, for it outlives the process.
const tagged = new Map();
const forget = (tag) => {
  for (const key of tagged.get(tag) ?? []) l1.delete(key);
  tagged.delete(tag);
};
if (redis) {
  const heard = redis.duplicate();
  await heard.subscribe(CHANNEL);
  heard.on("message", (_, tag) => forget(tag));
}

function keep(key, tag, body) {
  l1.set(key, body);
  if (!tagged.has(tag)) tagged.set(tag, new Set());
  tagged.get(tag).add(key);
}

// The value of a key, computed where it is nowhere; null is not kept.
export async function cached(key, tag, compute) {
  let body = l1.get(key);
  if (body !== undefined) return body;
  body = redis && (await redis.get(name(key)));
  if (!body) {
    body = await compute();
    if (!body) return null;
    if (redis) await redis.multi().set(name(key), body, "EX", 300).sadd(name(tag), key).exec();
  }
  keep(key, tag, body);
  return body;
}

// Nothing with the tag is served any more, in this process and in all that share its Redis.
export async function invalidate(tag) {
  forget(tag);
  if (!redis) return;
  const keys = await redis.smembers(name(tag));
  await redis.multi().del(name(tag), ...keys.map(name)).publish(CHANNEL, tag).exec();
}
