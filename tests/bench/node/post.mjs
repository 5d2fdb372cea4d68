// `POST /api/jobs`: the caller by token and session, the job and its event in one majority transaction; lists none.
import { createHmac, timingSafeEqual } from "node:crypto";
import { Long, ObjectId } from "mongodb";
import { cached, client, collection, invalidate } from "./stores.mjs";
import { view } from "./view.mjs";

const [jobs, events, companies, sessions, users] = ["jobs", "events", "companies", "sessions", "users"].map(collection);
const COUNTRY = /^[A-Z]{2}$/, CURRENCY = /^[A-Z]{3}$/;

// What a token (JWT, HS256) says, where it is signed and not over.
function claims(token) {
  const [head, body, tag] = token.split(".");
  const made = createHmac("sha256", process.env.JWT_SECRET).update(`${head}.${body}`).digest();
  const given = Buffer.from(tag ?? "", "base64url");
  if (given.length !== made.length || !timingSafeEqual(given, made)) return null;
  if (JSON.parse(Buffer.from(head, "base64url")).alg !== "HS256") return null;
  const told = JSON.parse(Buffer.from(body, "base64url"));
  return told.exp > Date.now() / 1000 ? told : null;
}

// Role and company of a live session.
async function session(header) {
  const told = claims((header ?? "").replace(/^Bearer /, ""));
  if (!told) return null;
  const body = await cached(`session:${told.sid}`, `user:${told.sub}`, async () => {
    const live = await sessions.findOne({ _id: new ObjectId(told.sid), expiresAt: { $gt: new Date() } });
    const user = live && (await users.findOne({ _id: live.userId }, { projection: { role: 1, companyId: 1 } }));
    return user && JSON.stringify(user);
  });
  return body && JSON.parse(body);
}

const text = (value, least, most) =>
  typeof value === "string" && !value.includes("\0") && value.trim().length >= least && value.trim().length <= most;
const amount = (value) => Number.isSafeInteger(value) && value >= 0;

// The pointer of the first rule that a new job breaks.
function fault({ companyId, title, description, location, salary, referralBonus, tags = [], status = "active" }) {
  if (!ObjectId.isValid(companyId)) return "/companyId";
  if (!text(title, 3, 140)) return "/title";
  if (!text(description, 1, 20_000)) return "/description";
  if (!text(location?.city, 1, 100) || !COUNTRY.test(location.country)) return "/location";
  const { min, max, currency } = salary ?? {};
  if (!amount(min) || !amount(max) || max < min || !CURRENCY.test(currency)) return "/salary";
  if (referralBonus && !(amount(referralBonus.amount) && CURRENCY.test(referralBonus.currency))) return "/referralBonus";
  if (tags.length > 10 || !tags.every((tag) => text(tag, 1, 40))) return "/tags";
  return ["draft", "active"].includes(status) ? null : "/status";
}

export async function post(request, response) {
  const caller = await session(request.get("authorization"));
  if (!caller) return response.status(401).end();
  const given = request.body, broken = fault(given);
  if (broken) return response.status(422).json({ pointer: broken });
  const may = caller.role === "admin" || (caller.role === "recruiter" && caller.companyId === given.companyId);
  if (!may) return response.status(403).end();
  const company = new ObjectId(given.companyId);
  if ((await companies.countDocuments({ _id: company })) === 0) return response.status(422).json({ pointer: "/companyId" });

  const now = new Date(), id = new ObjectId();
  const { city, country, remote = false } = given.location, { min, max, currency } = given.salary;
  const money = (value) => Long.fromNumber(value);
  const job = {
    _id: id, companyId: company, title: given.title.trim(), description: given.description,
    location: { city, country, remote }, salary: { min: money(min), max: money(max), currency },
    tags: given.tags ?? [], status: given.status ?? "active", revision: Long.ONE, createdAt: now, updatedAt: now,
  };
  const bonus = given.referralBonus;
  if (bonus) job.referralBonus = { amount: money(bonus.amount), currency: bonus.currency };
  const event = {
    _id: new ObjectId(), type: "job.created", subject: id, users: [], companyId: company, tags: ["jobs:list"],
    data: { id, companyId: company, title: job.title }, state: "new", dueAt: now, createdAt: now,
  };
  const how = { readConcern: { level: "snapshot" }, writeConcern: { w: "majority" } };
  await client.withSession((session) => session.withTransaction(async () => {
    await jobs.insertOne(job, { session });
    await events.insertOne(event, { session });
  }, how));
  await invalidate("jobs:list");

  const shown = { ...job, salary: given.salary, revision: 1, ...(bonus && { referralBonus: bonus }) };
  response.status(201).set({ location: `/api/jobs/${id}`, etag: '"1"', "cache-control": "private, no-cache" });
  response.json(view(shown));
}
