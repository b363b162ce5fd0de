"""Samples, their spread, and what a budget says about them."""

import dataclasses
import statistics


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of some samples and the smallest and largest of them."""

    median: float
    low: float
    high: float
    unit: str = ""
    count: int = 1

    @staticmethod
    def of(samples, unit=""):
        samples = list(samples)
        return Spread(
            statistics.median(samples), min(samples), max(samples), unit, len(samples))

    def json(self):
        return dataclasses.asdict(self)


def percentile(samples, part):
    """The smallest sample that `part` of all samples do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered)) - 1))]


@dataclasses.dataclass(frozen=True)
class Budget:
    """`≥ 20` is a bound on the ratio to what is beside it, `≤ 1.5 ms`, with a unit, on the figure."""

    kind: str
    bound: float
    unit: str = ""

    def admits(self, value):
        return value <= self.bound if self.kind == "≤" else value >= self.bound

    def __str__(self):
        return f"{self.kind} {self.bound:g}{' ' + self.unit if self.unit else ''}"


def at_most(bound, unit=""):
    return Budget("≤", bound, unit)


def at_least(bound, unit=""):
    return Budget("≥", bound, unit)


@dataclasses.dataclass
class Measure:
    """One line of the table."""

    row: str
    what: str
    subject: Spread
    peer_name: str = ""
    peer: Spread | None = None
    ratio: Spread | None = None
    budget: Budget | None = None
    note: str = ""

    @property
    def is_met(self):
        if self.budget is None:
            return None
        judged = self.subject if self.budget.unit else self.ratio
        return self.budget.admits(judged.median)

    def json(self):
        return {
            "row": self.row, "what": self.what, "subject": self.subject.json(),
            "peer_name": self.peer_name, "peer": self.peer and self.peer.json(),
            "ratio": self.ratio and self.ratio.json(),
            "budget": self.budget and str(self.budget), "met": self.is_met, "note": self.note}


def interleave(rounds, lanes):
    """Runs every lane once a round, A B C A B C …, so that noise of the machine hits all of them.
    Gives each lane's results in the order of the rounds."""
    found = {name: [] for name in lanes}
    for _ in range(rounds):
        for name, lane in lanes.items():
            found[name].append(lane())
    return found


def ratios(subject, peer):
    """The ratio of each round: what was measured next to each other."""
    return Spread.of([one / other for one, other in zip(subject, peer)], "×")
