"""The autoscaler's algorithm by the examples of its own documentation, and what the simulation must show."""
import pathlib
import sys
import unittest

import yaml

from support import DEPLOY, ROOT

sys.path.insert(0, str(pathlib.Path(ROOT) / "tests/scaling"))

import simulate  # noqa: E402
from hpa import SYNC, Autoscaler  # noqa: E402

SPEC = yaml.safe_load((DEPLOY / "k8s/hpa.yaml").read_text())["spec"]


class Algorithm(unittest.TestCase):
    def scaler(self, least=1, most=100, **behavior):
        free = {"stabilizationWindowSeconds": 0, "policies": [{"type": "Percent", "value": 10000, "periodSeconds": 15}]}
        return Autoscaler({"minReplicas": least, "maxReplicas": most,
                           "behavior": {"scaleUp": free, "scaleDown": free, **behavior}})

    def test_twice_the_target_doubles_and_half_of_it_halves(self):
        self.assertEqual(self.scaler().step(0, 4, [2.0]), 8)
        self.assertEqual(self.scaler().step(0, 4, [0.5]), 2)

    def test_within_the_tolerance_nothing_changes(self):
        for ratio in (0.91, 1.0, 1.09):
            self.assertEqual(self.scaler().step(0, 10, [ratio]), 10)

    def test_the_largest_proposal_wins_and_a_missing_metric_never_scales_down(self):
        self.assertEqual(self.scaler().step(0, 4, [0.5, 1.5]), 6)
        self.assertEqual(self.scaler().step(0, 4, [0.5, None]), 4)
        self.assertEqual(self.scaler().step(0, 4, [None]), 4)

    def test_up_by_the_larger_of_both_policies(self):
        up = SPEC["behavior"]["scaleUp"]
        self.assertEqual(self.scaler(scaleUp=up).step(0, 3, [10.0]), 7)    # four pods are more than 100 %
        self.assertEqual(self.scaler(scaleUp=up).step(0, 6, [10.0]), 12)   # 100 % is more than four
        scaler = self.scaler(scaleUp=up)
        self.assertEqual([scaler.step(at, n, [10.0]) for at, n in ((0, 3), (5, 7), (15, 7))], [7, 7, 14])

    def test_down_by_a_tenth_a_minute_after_five_minutes(self):
        scaler = Autoscaler(SPEC)
        replicas, seen = 20, {}
        scaler.step(0, replicas, [1.0])
        for now in range(SYNC, 1200, SYNC):
            replicas = scaler.step(now, replicas, [0.01])
            seen[now] = replicas
        self.assertEqual(seen[285], 20)
        self.assertEqual(seen[300], 18)
        self.assertEqual(seen[345], 18)
        self.assertLess(seen[360], 18)
        self.assertGreaterEqual(min(seen.values()), 3)

    def test_never_beyond_its_bounds(self):
        scaler = Autoscaler(SPEC)
        self.assertEqual(scaler.step(0, 20, [50.0]), 20)
        self.assertEqual(Autoscaler(SPEC).step(0, 3, [0.0]), 3)


class Shapes(unittest.TestCase):
    def test_targets_hold_where_a_core_serves_what_the_document_needs(self):
        for name, load, length in simulate.shapes():
            rows, lost = simulate.simulate(SPEC, load, length, core=2000.0, service=0.005)
            found = simulate.verdict(rows, lost)
            self.assertLess(found["lost"], 0.001, name)
            self.assertGreater(found["within"], 0.95, name)
            self.assertLessEqual(found["replicas"][1], SPEC["maxReplicas"])

    def test_a_surge_grows_the_queue_of_pods_that_are_too_slow(self):
        (surge,) = [shape for shape in simulate.shapes() if shape[0].startswith("tenfold")]
        rows, _ = simulate.simulate(SPEC, surge[1], surge[2], core=400.0, service=0.005)
        self.assertGreater(max(row["queue"] for row in rows), 1000)
        self.assertEqual(max(row["replicas"] for row in rows), SPEC["maxReplicas"])
