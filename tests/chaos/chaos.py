"""What every scenario runs on: two hosts, a Redis behind a proxy, three mongods, a load; and how a scenario is run."""
import time
import unittest

import pymongo
from bson import ObjectId

from cluster import Cluster, free_port, get, sign_in, until
from proxy import Proxy
from traffic import Row, Traffic, keep

JOB = "/api/jobs/6500000003000000000000{:02x}"
NEW = {"companyId": "650000000100000000000001", "title": "Lock Keeper", "description": "Keeps the locks.",
       "location": {"city": "Lisbon", "country": "PT"},
       "salary": {"min": 3_000_000, "max": 4_000_000, "currency": "EUR"}, "tags": ["water"]}
MIXED = [("GET", lambda turn: JOB.format(turn % 90 + 1), None), ("POST", "/api/jobs", NEW),
         ("GET", lambda turn: f"/api/jobs?limit=5&page={turn % 30 + 1}", None), ("GET", "/api/referrals/leaderboard", None)]
# Seconds of load before a fault, while it lasts, and after it.
BEFORE, DURING, AFTER = 3, 4, 6


class Chaos(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        cls.redis = cluster.redis()
        cls.proxy = Proxy(cls.redis.port)
        cls.addClassCleanup(cls.proxy.close)
        cls.mongods = [cluster.mongod("--replSet", "rs0", port=free_port()) for _ in range(3)]
        names = [f"127.0.0.1:{mongod.port}" for mongod in cls.mongods]
        with pymongo.MongoClient(names[0], directConnection=True) as client:
            members = [{"_id": at, "host": name} for at, name in enumerate(names)]
            # As fast as a set on one machine can be sure of itself.
            settings = {"electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500}
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": members, "settings": settings})
        uri = f"mongodb://{','.join(names)}/trm?replicaSet=rs0"
        cls.client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=30_000)
        cls.addClassCleanup(cls.client.close)
        until("the set has a primary", lambda: cls.client.primary)
        cls.settings = {"MONGODB_URI": uri, "REDIS_URL": f"redis://127.0.0.1:{cls.proxy.port}",
                        "CIRCUIT_BREAKER_RESET_TIMEOUT": 1_000, "AUTH_ATTEMPTS_PER_MINUTE": 1_000_000}
        cluster.sample(**cls.settings)
        cls.hosts = [cluster.host(f"{n}", **cls.settings) for n in range(2)]
        cls.token = sign_in(cls.hosts[0].url)

    def primary(self):
        """The mongod that is the primary now."""
        _, port = until("there is a primary", lambda: self.client.primary)
        return next(mongod for mongod in self.mongods if mongod.port == port)

    def kept(self, acknowledged):
        """How many of the writes that were acknowledged are there, as a majority of the set knows."""
        ids = [ObjectId(one) for one in acknowledged]
        jobs = self.client.trm.get_collection("jobs", read_concern=pymongo.read_concern.ReadConcern("majority"))
        return until("they can be counted", lambda: (jobs.count_documents({"_id": {"$in": ids}}),))[0]

    def scenario(self, name, fault, mend, during=DURING, requests=MIXED, ports=None, fine=(200, 201, 304, 404), after=AFTER):
        """Load; the fault; the mending; load. The row."""
        for host in self.hosts:
            until("each host is ready", lambda: get(f"{host.url}/ready")[0] == 200)
        traffic = Traffic(ports or [host.port for host in self.hosts], requests, token=self.token, fine=fine)
        with traffic:
            time.sleep(BEFORE)
            broken = time.monotonic()
            fault()
            time.sleep(max(0, broken + during - time.monotonic()))
            mend()
            mended = time.monotonic()
            time.sleep(after)
        row = Row(name, traffic, broken, mended, self.kept(traffic.acknowledged))
        keep(row)
        self.assertEqual([one for one in row.before if one.bad], [], "it was not well before")
        self.assertEqual(row.lost, 0, "acknowledged writes are lost")
        self.assertLess(row.recovery, after - 1, "it was not well again by itself")
        return row

    def unharmed(self, row):
        """Nothing failed at all."""
        self.assertEqual([one for one in row.seen if one.bad], [], row.name)
