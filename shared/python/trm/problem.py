"""Problem details (RFC 9457): every error that a function answers with; never holds private detail."""
import math
import sys
import traceback
from http import HTTPStatus

from componentize_py_types import Err


class Problem(Exception):
    """An error answer. `detail` names the fault and what to mend; `place` is a parameter or a JSON pointer."""

    def __init__(self, status, detail, place=None, headers=()):
        super().__init__(detail)
        self.status, self.detail, self.place, self.headers = status, detail, place or {}, list(headers)

    @classmethod
    def parameter(cls, name, detail):
        """400, naming a query or path parameter."""
        return cls(400, detail, {"parameter": name})

    @classmethod
    def not_found(cls, detail):
        """404, naming what is not there."""
        return cls(404, detail)

    @classmethod
    def rule(cls, pointer, detail):
        """422: the request is understood but breaks a rule at a place (RFC 6901 pointer)."""
        return cls(422, detail, {"pointer": pointer})

    @classmethod
    def method(cls, allow):
        """405, with what is allowed."""
        return cls(405, f"this resource answers {allow} only", headers=[("allow", allow)])

    @classmethod
    def unavailable(cls, milliseconds):
        """503: a store is away; the client may try again after so many milliseconds."""
        seconds = max(1, math.ceil(milliseconds / 1000))
        return cls(503, "a store is not available; try again shortly", headers=[("retry-after", str(seconds))])

    @classmethod
    def of(cls, fault):
        """Whatever was raised, as a problem. What the host says of a call is an `Err`."""
        if isinstance(fault, cls):
            return fault
        # The kinds are classes of each interface by themselves: `Error_Unavailable` of the cache, and of documents.
        said = fault.value if isinstance(fault, Err) else None
        kind, value = type(said).__name__.removeprefix("Error_"), getattr(said, "value", None)
        match kind:
            case "Unavailable":
                return cls.unavailable(value if isinstance(value, int) else 1000)
            case "Saturated":
                return cls.unavailable(1000)
            case "DeadlineExceeded":
                return cls(504, "a store did not answer in time")
            case "Unsupported":
                return cls(501, value)
            case "DuplicateKey":
                return cls(409, f"this exists already ({value})")
            case "Conflict":
                return cls(409, "this changed meanwhile; read it again, then repeat the request")
        print("internal:", *traceback.format_exception(fault), said or "", file=sys.stderr)
        return cls(500, "this function failed; the log says why")

    def body(self):
        """The JSON of its body."""
        title = HTTPStatus(self.status).phrase
        return {"detail": self.detail, **self.place, "status": self.status, "title": title, "type": "about:blank"}
