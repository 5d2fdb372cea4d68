"""`GET /api/jobs/:id` as functions/jobs-by-id answers it to anyone, in Python; changes none."""
from trm.answer import public, serve, to_json
from trm.cache import get_or_set
from trm.documents import find_one, view
from trm.problem import Problem


async def show(request):
    job_id = request.id("id")
    request.query()
    if request.method not in ("GET", "HEAD"):
        raise Problem.method("GET, HEAD")

    async def load():
        job = await find_one("jobs", {"_id": job_id})
        # A draft is no more there than a job that is not.
        if job is None or job.get("status") == "draft":
            raise Problem.not_found(f"there is no job {job_id}")
        return to_json(view(job))

    tags = [f"job:{job_id}"]
    return public(await get_or_set(f"python:{job_id}", load, tags), tags)


Handler = serve(show)
