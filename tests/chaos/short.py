"""The scenarios that CI runs: one of each kind that has the most to lose."""
import unittest

import guests
import hosts
import stores

CHOSEN = [(stores.Stores, "test_redis_killed"), (stores.Stores, "test_redis_cut_mid_reply"),
          (stores.Stores, "test_mongod_killed"), (hosts.Hosts, "test_a_host_killed"),
          (guests.Guests, "test_a_function_that_loops"), (guests.Guests, "test_a_function_that_traps_on_every_second_call")]


def load_tests(*_):
    """Only these."""
    return unittest.TestSuite(of(name) for of, name in CHOSEN)
