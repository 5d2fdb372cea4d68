"""`trm:platform/documents`: MongoDB's query language over plain dictionaries; builds no query itself."""
from datetime import datetime

import bson
from bson import ObjectId
from wit_world.imports import documents as host


def _optional(value):
    return bson.encode(value) if value else None


async def find_one(collection, filter, projection=None):
    """The first match, or None."""
    found = await host.find_one(collection, bson.encode(filter), _optional(projection))
    return bson.decode(found) if found else None


async def find(collection, filter, limit, projection=None, sort=None, skip=0, cursor=None):
    """A page of the matches, and the cursor of the next one or None."""
    options = host.FindOptions(_optional(projection), _optional(sort), skip, limit, cursor)
    page = await host.find(collection, bson.encode(filter), options)
    return [bson.decode(found) for found in page.documents], page.next


async def count(collection, filter):
    """How many match."""
    return await host.count(collection, bson.encode(filter))


async def insert(collection, document):
    """Inserts one document, which brings its own `_id`."""
    await host.insert(collection, [bson.encode(document)])


def view(value):
    """A stored document as the API shows it: `_id` as `id`, identifiers and dates as text."""
    match value:
        case dict():
            return {"id" if name == "_id" else name: view(inner) for name, inner in value.items()}
        case list():
            return [view(inner) for inner in value]
        case ObjectId():
            return str(value)
        case datetime():
            # A stored date is UTC, in milliseconds; RFC 3339 without the zeros that end a fraction.
            fraction = f".{value.microsecond // 1000:03}".rstrip("0").rstrip(".")
            return f"{value:%Y-%m-%dT%H:%M:%S}{fraction}Z"
        case _:
            return value
