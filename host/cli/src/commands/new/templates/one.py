"""`GET @route@` shows one of @things@; changes none."""
from trm.answer import public, serve, to_json
from trm.cache import get_or_set
from trm.documents import find_one, view
from trm.problem import Problem


def key(identifier):
    """Where it is cached, and the tag that makes it old."""
    return f"@things@:{identifier}"


async def show(request):
    wanted = request.id("@parameter@")
    request.query()
    if request.method not in ("GET", "HEAD"):
        raise Problem.method("GET, HEAD")

    async def load():
        found = await find_one("@things@", {"_id": wanted})
        if found is None:
            raise Problem.not_found("there is none of this id")
        return to_json(view(found))

    tags = [key(wanted)]
    return public(await get_or_set(key(wanted), load, tags), tags)


Handler = serve(show)
