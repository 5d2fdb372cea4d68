// Problem details (RFC 9457): every error that a function answers with; never holds private detail.

import "trm/console";

const TITLES = {
  400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
  409: "Conflict", 412: "Precondition Failed", 415: "Unsupported Media Type", 422: "Unprocessable Entity",
  429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
  504: "Gateway Timeout",
};

/** An error answer. `detail` names the fault and what to mend; `place` is `{ parameter }` or `{ pointer }`. */
export class Problem extends Error {
  constructor(status, detail, place = {}, headers = []) {
    super(detail);
    Object.assign(this, { status, detail, place, headers });
  }

  /** 400, naming a query or path parameter. */
  static parameter(parameter, detail) {
    return new Problem(400, detail, { parameter });
  }

  /** 404, naming what is not there. */
  static notFound(detail) {
    return new Problem(404, detail);
  }

  /** 422: the request is understood but breaks a rule at a place (RFC 6901 pointer). */
  static rule(pointer, detail) {
    return new Problem(422, detail, { pointer });
  }

  /** 405, with what is allowed. */
  static method(allow) {
    return new Problem(405, `this resource answers ${allow} only`, {}, [["allow", allow]]);
  }

  /** 503: a store is away; the client may try again after so many milliseconds. */
  static unavailable(milliseconds) {
    const seconds = Math.max(1, Math.ceil(milliseconds / 1000));
    return new Problem(503, "a store is not available; try again shortly", {}, [["retry-after", `${seconds}`]]);
  }

  /** Whatever was thrown, as a problem. What the host says of a call is the payload of an error. */
  static of(fault) {
    if (fault instanceof Problem) return fault;
    const said = fault?.payload;
    switch (said?.tag) {
      case "unavailable":
        return Problem.unavailable(typeof said.val === "number" ? said.val : 1000);
      case "saturated":
        return Problem.unavailable(1000);
      case "deadline-exceeded":
        return new Problem(504, "a store did not answer in time");
      case "unsupported":
        return new Problem(501, said.val);
      case "duplicate-key":
        return new Problem(409, `this exists already (${said.val})`);
      case "conflict":
        return new Problem(409, "this changed meanwhile; read it again, then repeat the request");
      default:
        console.error(`internal: ${said ? JSON.stringify(said) : `${fault}\n${fault?.stack ?? ""}`}`);
        return new Problem(500, "this function failed; the log says why");
    }
  }

  /** The JSON of its body. */
  body() {
    const { status, detail, place } = this;
    return { detail, ...place, status, title: TITLES[status] ?? "Error", type: "about:blank" };
  }
}
