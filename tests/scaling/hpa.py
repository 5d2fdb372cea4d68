"""The autoscaler's published algorithm, step by step; reads its numbers from deploy/k8s/hpa.yaml, decides nothing else.

https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details
"""
import math

SYNC = 15  # seconds between two decisions
TOLERANCE = 0.1
# After a pod's start its CPU is not counted, so that a start's own work does not scale.
CPU_INITIALIZATION = 300


class Autoscaler:
    """One HorizontalPodAutoscaler; `step` is called every SYNC seconds."""

    def __init__(self, spec):
        self.least, self.most = spec["minReplicas"], spec["maxReplicas"]
        self.behavior = spec["behavior"]
        self.recommendations = []  # (time, replicas): for stabilization
        self.changes = []          # (time, difference): for the policies

    def step(self, now, replicas, ratios):
        """The replicas to have now. `ratios` are usage over target, one for each metric; None where it is unknown."""
        known = [ratio for ratio in ratios if ratio is not None]
        wanted = replicas
        if known:
            wanted = max(self.proposal(replicas, ratio) for ratio in known)
            # A metric that is missing may not lead to fewer.
            if len(known) < len(ratios):
                wanted = max(wanted, replicas)
        wanted = min(max(wanted, self.least), self.most)
        wanted = self.stabilized(now, replicas, wanted)
        wanted = self.limited(now, replicas, wanted)
        if wanted != replicas:
            self.changes.append((now, wanted - replicas))
        return wanted

    def proposal(self, replicas, ratio):
        if abs(ratio - 1) <= TOLERANCE:
            return replicas
        return math.ceil(replicas * ratio)

    def stabilized(self, now, replicas, wanted):
        """The safest of what was wanted within the window: the fewest on the way up, the most on the way down."""
        up = self.behavior["scaleUp"]["stabilizationWindowSeconds"]
        down = self.behavior["scaleDown"]["stabilizationWindowSeconds"]
        self.recommendations = [(at, n) for at, n in self.recommendations if now - at < max(up, down, 1)]
        self.recommendations.append((now, wanted))
        low = min(n for at, n in self.recommendations if now - at <= up)
        high = max(n for at, n in self.recommendations if now - at <= down)
        return min(max(replicas, low), high)

    def limited(self, now, replicas, wanted):
        if wanted == replicas:
            return wanted
        way = "scaleUp" if wanted > replicas else "scaleDown"
        sign = 1 if way == "scaleUp" else -1
        allowed = []
        for policy in self.behavior[way]["policies"]:
            changed = sum(sign * by for at, by in self.changes
                          if now - at < policy["periodSeconds"] and sign * by > 0)
            before = replicas - sign * changed  # at the period's start
            if policy["type"] == "Pods":
                allowed.append(before + sign * policy["value"])
            elif way == "scaleUp":
                allowed.append(math.ceil(before * (1 + policy["value"] / 100)))
            else:
                allowed.append(math.floor(before * (1 - policy["value"] / 100)))
        # `Max`, the default: the policy that changes most.
        return min(wanted, max(allowed)) if sign > 0 else max(wanted, min(allowed))
