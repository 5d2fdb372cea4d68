"""`GET @route@` lists @things@; changes none."""
from trm.answer import public, serve, to_json
from trm.cache import get_or_set
from trm.documents import find, view
from trm.problem import Problem

TAGS = ["@things@:list"]
# The newest, and never all.
NEWEST = {"sort": {"_id": -1}, "limit": 20}


async def newest():
    documents, _ = await find("@things@", {}, **NEWEST)
    return to_json([view(document) for document in documents])


async def show(request):
    request.query()
    if request.method not in ("GET", "HEAD"):
        raise Problem.method("GET, HEAD")
    return public(await get_or_set("@things@:newest", newest, TAGS), TAGS)


Handler = serve(show)
