"""How a scenario is run, and what most run on: two hosts, a Redis behind a proxy, three mongods; breaks nothing itself."""
import time
import unittest

import pymongo
from bson import ObjectId

from cluster import Cluster, free_port, get, sign_in, until
from rows import Row, keep
from traffic import ask

JOB = "/api/jobs/6500000003000000000000{:02x}"
NEW = {"companyId": "650000000100000000000001", "title": "Lock Keeper", "description": "Keeps the locks.",
       "location": {"city": "Lisbon", "country": "PT"},
       "salary": {"min": 3_000_000, "max": 4_000_000, "currency": "EUR"}, "tags": ["water"]}
# Jobs of the sample data, pages and a ranking: each of them exists. Two jobs are drafts, which nobody else sees.
JOBS = [JOB.format(n) for n in range(1, 91) if n not in (64, 90)]
PAGES = [f"/api/jobs?limit=5&page={n}" for n in range(1, 31)]
RANKING = "/api/referrals/leaderboard"
MIXED = [ask(JOBS), ask("/api/jobs", "POST", NEW), ask(PAGES), ask(RANKING)]
# Seconds of load before a fault, while it lasts, and after it.
BEFORE, DURING, AFTER = 3, 4, 6


class Scenario(unittest.TestCase):
    """Who extends it has `hosts` and a `token`, and says how many acknowledged writes are `kept`."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())

    def scenario(self, name, fault, mend, before=BEFORE, during=DURING, after=AFTER, requests=MIXED, **load):
        """Load, which is `traffic`; the fault; the mending; load. The row."""
        for host in self.hosts:
            until("each host is ready", lambda: get(f"{host.url}/ready")[0] == 200)
        self.traffic = self.cluster.traffic([host.place for host in self.hosts], requests, token=self.token, **load)
        with self.traffic:
            time.sleep(before)
            broken = time.monotonic()
            fault()
            time.sleep(max(0, broken + during - time.monotonic()))
            mend()
            mended = time.monotonic()
            time.sleep(after)
        row = Row(name, self.traffic, broken, mended, self.kept(self.traffic.acknowledged))
        keep(row)
        self.assertEqual([one for one in row.before if one.bad], [], "it was not well before")
        self.assertEqual(row.lost, 0, "acknowledged writes are lost")
        self.assertGreater(row.acknowledged, 0, "nothing was written")
        self.assertLess(row.recovery, after - 1, "it was not well again by itself")
        return row

    def unharmed(self, row):
        """Nothing failed at all."""
        self.assertEqual([one for one in row.seen if one.bad], [], row.name)

    def harmed(self, row, kinds):
        """It was felt, and only in these ways."""
        self.assertTrue({one.kind for one in row.seen if one.bad} <= kinds, row)
        self.assertTrue([one for one in row.during if one.bad], "nobody felt it")

    def only_the_first(self, row):
        """Other hosts have felt nothing."""
        ports = {one.port for one in row.seen if one.bad}
        self.assertLessEqual(ports, {self.hosts[0].port}, row.name)


class Replicated(Scenario):
    """The documents are in a MongoDB set."""

    @classmethod
    def mongodb(cls, members, at="127.0.0.1"):
        """Starts the set; the URI that leads to it."""
        # Test commands are those that make a server slow or wrong when asked to.
        options = ("--replSet", "rs0", "--setParameter", "enableTestCommands=1")
        bind = ",".join({"127.0.0.1", at})
        cls.mongods = [cls.cluster.mongod(*options, port=free_port(), bind=bind) for _ in range(members)]
        names = [f"{at}:{mongod.port}" for mongod in cls.mongods]
        with pymongo.MongoClient(names[0], directConnection=True) as client:
            members = [{"_id": place, "host": name} for place, name in enumerate(names)]
            # As fast as a set on one machine can be sure of itself.
            settings = {"electionTimeoutMillis": 2_000, "heartbeatIntervalMillis": 500}
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": members, "settings": settings})
        uri = f"mongodb://{','.join(names)}/trm?replicaSet=rs0"
        cls.client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=30_000)
        cls.addClassCleanup(cls.client.close)
        until("the set has a primary", lambda: cls.client.primary)
        return uri

    @classmethod
    def sampled(cls, uri, redis, **more):
        """The settings of hosts on these stores, which hold the sample then."""
        settings = {"MONGODB_URI": uri, "REDIS_URL": redis, "CIRCUIT_BREAKER_RESET_TIMEOUT": 1_000, **more}
        cls.cluster.sample(**settings)
        return settings

    def kept(self, acknowledged):
        """As a majority of the set knows."""
        ids = [ObjectId(one) for one in acknowledged]
        jobs = self.client.trm.get_collection("jobs", read_concern=pymongo.read_concern.ReadConcern("majority"))
        return until("they can be counted", lambda: (jobs.count_documents({"_id": {"$in": ids}}),))[0]

    def primary(self):
        """The mongod that is the primary now."""
        _, port = until("there is a primary", lambda: self.client.primary)
        return next(mongod for mongod in self.mongods if mongod.port == port)


class Chaos(Replicated):
    MORE = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.redis = cls.cluster.redis()
        cls.proxy = cls.cluster.proxy(cls.redis)
        settings = cls.sampled(cls.mongodb(3), f"redis://127.0.0.1:{cls.proxy.port}", **cls.MORE)
        cls.hosts = [cls.cluster.host(f"{n}", **settings) for n in range(2)]
        cls.token = sign_in(cls.hosts[0].url)
