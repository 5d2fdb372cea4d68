"""Answers: whole JSON bodies with their headers, and the door that every function has; streams nothing."""
import json as text

from wit_world import exports
from wit_world.exports.handler import Response

from trm.problem import Problem
from trm.request import Request

# What a client revalidates each time, a shared cache keeps for a minute, and longer while it asks anew or the origin
# is away.
PUBLIC = b"public, max-age=0, s-maxage=60, stale-while-revalidate=30, stale-if-error=300"


def serve(route):
    """A function's way in: `route` is given the request, and returns an answer or raises a problem."""

    class Handler(exports.Handler):
        async def handle(self, request):
            try:
                answer = await route(Request(request))
            except Exception as fault:  # every failure is an answer too
                answer = refuse(Problem.of(fault))
            # What does not say that it may be shared is the caller's alone.
            if not any(name == "cache-control" for name, _ in answer.headers):
                answer.headers.append(("cache-control", b"private, no-cache"))
            if request.method == "HEAD":
                answer.body = b""
            return answer

    return Handler


def refuse(problem):
    """The answer of a problem."""
    headers = [(name, value.encode()) for name, value in problem.headers]
    headers += [("content-type", b"application/problem+json"), ("cache-control", b"no-store")]
    return Response(problem.status, headers, to_json(problem.body()))


def to_json(value):
    """A value as JSON, names in order, as every function writes it."""
    return text.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def json(body, status=200):
    """JSON that is bytes already, as the cache keeps it."""
    return Response(status, [("content-type", b"application/json")], body)


def public(body, tags):
    """200 with JSON that anyone may see: shared caches keep it for a minute, and drop it by these tags."""
    answer = json(body)
    answer.headers += [("cache-control", PUBLIC), ("surrogate-key", " ".join(tags).encode())]
    return answer


def created(location, value):
    """201 with the new resource and where it is."""
    answer = json(to_json(value), 201)
    answer.headers.append(("location", location.encode()))
    return answer
