// A request as a function reads it: method, path parameters, query, JSON body; never answers.

import { Problem } from "trm/problem";
import { decode } from "trm/text";

const IDENTIFIER = /^[0-9a-f]{24}$/i;

export class Request {
  #plain;

  constructor(plain) {
    this.#plain = plain;
  }

  get method() {
    return this.#plain.method;
  }

  /** Percent-encoded, as the client sent it. */
  get path() {
    return this.#plain.path;
  }

  /** A header's value, where it is there. */
  header(name) {
    const wanted = name.toLowerCase();
    const lines = decode(this.#plain.headers).split("\r\n");
    const found = lines.find((line) => line.slice(0, line.indexOf(":")) === wanted);
    return found?.slice(wanted.length + 1).trim();
  }

  /** A named segment of the path, as the route spells it (`:id`). */
  parameter(name) {
    const found = this.#plain.parameters.find(([known]) => known === name);
    if (!found) throw Problem.parameter(name, `the path has no readable "${name}"`);
    return found[1];
  }

  /** A named segment that is an identifier, in lower case. */
  id(name) {
    const text = this.parameter(name);
    if (IDENTIFIER.test(text)) return text.toLowerCase();
    throw Problem.parameter(name, `"${text}" is not an identifier: 24 hexadecimal digits`);
  }

  /** The query, of which only these parameters are known, each at most once. */
  query(known) {
    const given = {};
    for (const pair of this.#plain.query.split("&").filter(Boolean)) {
      const [name, value = ""] = pair.split(/=(.*)/s).map((part) => readable(part));
      if (!known.includes(name)) {
        throw Problem.parameter(name, `"${name}" is not a parameter here; known are: ${known.join(", ") || "none"}`);
      }
      if (Object.hasOwn(given, name)) throw Problem.parameter(name, `"${name}" is given twice`);
      given[name] = value;
    }
    return given;
  }

  /** The JSON body. */
  json() {
    const media = this.header("content-type") ?? "";
    if (media.split(";")[0].trim().toLowerCase() !== "application/json") {
      throw new Problem(415, `Content-Type must be application/json, not "${media}"`);
    }
    try {
      return JSON.parse(decode(this.#plain.body));
    } catch (fault) {
      throw new Problem(400, `the body cannot be read: ${fault.message}`);
    }
  }
}

function readable(part) {
  try {
    return decodeURIComponent(part.replaceAll("+", " "));
  } catch {
    throw new Problem(400, "the query is not percent-encoded UTF-8");
  }
}
