"""A request as a function reads it: method, path parameters, query, JSON body; never answers."""
import json
from urllib.parse import unquote_plus

from bson import ObjectId
from bson.errors import InvalidId

from trm.problem import Problem


class Request:
    """One request, whose body has arrived whole."""

    def __init__(self, plain):
        self._plain = plain
        self.method = plain.method
        # Percent-encoded, as the client sent it.
        self.path = plain.path

    def header(self, name):
        """A header's value, or None."""
        for line in self._plain.headers.decode("latin-1").split("\r\n"):
            known, _, value = line.partition(":")
            if known == name.lower():
                return value.strip()
        return None

    def parameter(self, name):
        """A named segment of the path, as the route spells it (`:id`)."""
        for known, value in self._plain.parameters:
            if known == name:
                return value
        raise Problem.parameter(name, f'the path has no readable "{name}"')

    def id(self, name):
        """A named segment that is an identifier."""
        text = self.parameter(name)
        try:
            return ObjectId(text)
        except InvalidId as fault:
            raise Problem.parameter(name, f'"{text}" is not an identifier: 24 hexadecimal digits') from fault

    def query(self, *known):
        """The query, of which only these parameters are known, each at most once."""
        given = {}
        for pair in filter(None, self._plain.query.split("&")):
            name, _, value = pair.partition("=")
            try:
                name, value = unquote_plus(name, errors="strict"), unquote_plus(value, errors="strict")
            except UnicodeDecodeError as fault:
                raise Problem(400, "the query is not percent-encoded UTF-8") from fault
            if name not in known:
                names = ", ".join(known) or "none"
                raise Problem.parameter(name, f'"{name}" is not a parameter here; known are: {names}')
            if name in given:
                raise Problem.parameter(name, f'"{name}" is given twice')
            given[name] = value
        return given

    def json(self):
        """The JSON body."""
        media = self.header("content-type") or ""
        if media.split(";")[0].strip().lower() != "application/json":
            raise Problem(415, f'Content-Type must be application/json, not "{media}"')
        try:
            return json.loads(self._plain.body)
        except ValueError as fault:
            raise Problem(400, f"the body cannot be read: {fault}") from fault
