// `trm:platform/documents`: MongoDB's query language over plain objects; builds no query itself.

import "trm/text";
import * as host from "trm:platform/documents@0.1.0";
import { BSON, ObjectId } from "bson";

export { ObjectId };

const optional = (value) => (value ? BSON.serialize(value) : null);

/** The first match, or null. */
export function findOne(collection, filter, projection) {
  const found = host.findOne(collection, BSON.serialize(filter), optional(projection));
  return found ? BSON.deserialize(found) : null;
}

/** A page of the matches: `{ documents, next }`. */
export function find(collection, filter, { projection, sort, skip = 0, limit, cursor = null }) {
  const options = { projection: optional(projection), sort: optional(sort), skip, limit, cursor };
  const page = host.find(collection, BSON.serialize(filter), options);
  return { documents: page.documents.map((found) => BSON.deserialize(found)), next: page.next ?? null };
}

/** How many match. */
export const count = (collection, filter) => host.count(collection, BSON.serialize(filter));

/** Inserts one document, which brings its own `_id`. */
export function insert(collection, document) {
  host.insert(collection, [BSON.serialize(document)]);
}

/** A stored document as the API shows it: `_id` as `id`, identifiers and dates as text. */
export function view(value) {
  if (value instanceof ObjectId) return value.toHexString();
  // RFC 3339 without the zeros that end a fraction.
  if (value instanceof Date) return value.toISOString().replace(/\.?0+Z$/, "Z");
  if (Array.isArray(value)) return value.map(view);
  if (value === null || typeof value !== "object" || value._bsontype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name === "_id" ? "id" : name, view(inner)]));
}
