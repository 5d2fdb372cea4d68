"""What is asked of every subject: the marketplace's own routes, and whether all answer alike; measures nothing."""
import dataclasses
import json
import os
import subprocess
import urllib.request

from subjects import HERE, get, sign_in

JOB = "/api/jobs/650000000300000000000001"
# The edge looks, finds what it holds not fresh enough, and asks the function for all of it.
PAST_EDGE = {"cache-control": "no-cache, no-store"}
# More questions than connections, each of a full page: no two requests in flight share an answer.
LISTS = [f"/api/jobs?limit={limit}&page={page}" for limit in range(11, 31) for page in (1, 2, 3)]
# By it what was written is found again.
TITLE = "Written by the benchmark"
POSTED = json.dumps({
    "companyId": "650000000100000000000001", "title": TITLE, "description": "Measures what a marketplace costs. " * 8,
    "location": {"city": "Berlin", "country": "DE"}, "salary": {"min": 6_000_000, "max": 8_000_000, "currency": "EUR"},
    "referralBonus": {"amount": 200_000, "currency": "EUR"}, "tags": ["rust", "benchmarks"]})


@dataclasses.dataclass
class Work:
    """Requests that are made one after another."""
    paths: list
    headers: dict
    body: str | None = None
    status: int = 200

    def ask(self, url):
        """The answer to the first of them: JSON as what it says, anything else as text."""
        head = {**self.headers, **({"content-type": "application/json"} if self.body else {})}
        request = urllib.request.Request(f"{url}{self.paths[0]}", self.body and self.body.encode(), head)
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read().decode()
            assert answer.status == self.status, text
            return json.loads(text) if answer.headers.get_content_type() == "application/json" else text


def job():
    return Work([JOB], PAST_EDGE)


def edge():
    return Work([JOB], {})


def page():
    return Work([LISTS[0]], PAST_EDGE)


def each_job(url):
    """Jobs as the list names them."""
    status, text = get(f"{url}/api/jobs?limit=100")
    assert status == 200, text
    return Work([f"/api/jobs/{job['id']}" for job in json.loads(text)["data"]], PAST_EDGE)


def each_page():
    return Work(LISTS, PAST_EDGE)


def write(trm):
    """Posts a job, by a session that is begun anew, for a token is good for a quarter of an hour."""
    return Work(["/api/jobs"], {"authorization": f"Bearer {sign_in(trm)}"}, POSTED, 201)


def take_back(uri):
    """Removes what was written, so that every turn begins with the same data; how many jobs that were."""
    command = ["node", HERE / "node/back.mjs", TITLE]
    said = subprocess.run(command, env={**os.environ, "MONGODB_URI": uri}, check=True, capture_output=True, text=True).stdout
    taken = json.loads(said)
    assert taken["jobs"] == taken["events"] > 0, f"each write is a job and its event: {taken}"
    return taken["jobs"]


def _shape(value):
    if isinstance(value, dict):
        return {key: _shape(each) for key, each in sorted(value.items())}
    if isinstance(value, list):
        return sorted({json.dumps(_shape(each)) for each in value})
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def _read(answer):
    """Which jobs were read, and of how many; of a text, all of it."""
    if isinstance(answer, str):
        return answer
    return answer.get("total"), [job["id"] for job in answer.get("data", [answer])]


def alike(urls, work):
    """Every subject answers with the same fields of the same kinds; and what it reads, with the same documents or text."""
    told = {name: work.ask(url) for name, url in urls.items()}
    first = next(iter(told))
    for name, answer in told.items():
        assert _shape(answer) == _shape(told[first]), f"{name} answers otherwise than {first}: {answer}\n{told[first]}"
        if work.body is None:
            assert _read(answer) == _read(told[first]), f"{name} reads otherwise than {first}"
