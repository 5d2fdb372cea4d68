// The job routes in Express, with an LRU in the process, Redis behind it and MongoDB as the origin; no other route.
import express from "express";
import { ObjectId } from "mongodb";
import { cached, collection } from "./stores.mjs";
import { post } from "./post.mjs";
import { view } from "./view.mjs";

const { PORT = "0" } = process.env;
const jobs = collection("jobs");
const PUBLIC = "public, max-age=0, s-maxage=60, stale-while-revalidate=30, stale-if-error=300";

const whole = (text, usual, most) => {
  const number = text === undefined ? usual : Number(text);
  return Number.isInteger(number) && number >= 1 && number <= most ? number : null;
};

async function page(page, limit) {
  const filter = { status: "active" };
  const total = await jobs.countDocuments(filter);
  const order = { createdAt: -1, _id: 1 };
  const found = await jobs.find(filter).sort(order).skip((page - 1) * limit).limit(limit + 1).toArray();
  const data = found.slice(0, limit);
  const { createdAt, _id } = data.at(-1) ?? {};
  const next = found.length > limit ? Buffer.from(JSON.stringify([createdAt, _id])).toString("base64url") : null;
  return JSON.stringify({ data: data.map(view), page, limit, total, next });
}

const app = express();
app.disable("x-powered-by");

app.get("/api/jobs/:id", async (request, response) => {
  const { id } = request.params;
  if (!ObjectId.isValid(id)) return response.status(404).end();
  const body = await cached(`jobs:item:${id}`, `job:${id}`, async () => {
    const found = await jobs.findOne({ _id: new ObjectId(id) });
    return found && JSON.stringify(view(found));
  });
  if (body === null) return response.status(404).end();
  response.set({ "cache-control": PUBLIC, "surrogate-key": `job:${id}` }).type("application/json").send(body);
});

app.get("/api/jobs", async (request, response) => {
  const number = whole(request.query.page, 1, 10_000), limit = whole(request.query.limit, 20, 100);
  if (!number || !limit) return response.status(400).end();
  const body = await cached(`jobs:list:${number}:${limit}`, "jobs:list", () => page(number, limit));
  const { next } = JSON.parse(body);
  const links = [`</api/jobs?limit=${limit}>; rel="first"`];
  if (next) links.push(`</api/jobs?limit=${limit}&cursor=${next}>; rel="next"`);
  response.set({ "cache-control": PUBLIC, "surrogate-key": "jobs:list", link: links.join(", ") });
  response.type("application/json").send(body);
});

app.post("/api/jobs", express.json(), post);

const server = app.listen(Number(PORT), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
