"""The scenarios that CI runs: one of each kind that has the most to lose."""
import unittest

import failover
import greed
import guests
import hosts
import machine
import network
import stores
import swaps


class Swaps(swaps.Swaps):
    """Each broken version once."""
    TURNS = 6


CHOSEN = [(stores.Stores, "test_redis_killed"), (stores.Stores, "test_redis_cut_mid_reply"), (stores.Stores, "test_mongod_killed"),
          (failover.Sentinels, "test_the_master_killed"), (failover.Resharded, "test_slots_moved"),
          (network.Partition, "test_from_redis"),
          (machine.Embedded, "test_disk_full"), (machine.Embedded, "test_killed"), (machine.Clock, "test_forward"),
          (hosts.Hosts, "test_a_host_killed"),
          (Swaps, "test_swapped_every_second"), (greed.Greed, "test_a_function_that_opens_thousands_of_requests"),
          (guests.Guests, "test_a_function_that_loops"), (guests.Guests, "test_a_function_that_traps_on_every_second_call")]


def load_tests(*_):
    """Only these."""
    return unittest.TestSuite(of(name) for of, name in CHOSEN)
