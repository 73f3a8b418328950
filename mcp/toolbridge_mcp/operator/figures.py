"""Metrics as numbers: the gateway's own, as Prometheus would read them, and those of the API."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Self

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families


class Sample(NamedTuple):
    labels: Mapping[str, str]
    value: float


class Figures:
    """Samples by their names. What is not there is None, or empty: an API may be of another version."""

    def __init__(self, metrics: Iterable[Metric] = ()) -> None:
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)
        for metric in metrics:
            for sample in metric.samples:
                self._samples[sample.name].append(Sample(sample.labels, sample.value))

    @classmethod
    def own(cls, *names: str) -> Self:
        """Those of this process with these names. Others are not made: some take a while."""
        return cls(REGISTRY.restricted_registry(names).collect())

    @classmethod
    def read(cls, content: bytes) -> Self:
        """Those of a text in the format of Prometheus; none if it is no such text."""
        try:
            return cls(list(text_string_to_metric_families(content.decode())))
        except ValueError:
            return cls()

    def all(self, name: str) -> list[Sample]:
        return self._samples.get(name, [])

    def value(self, name: str, **labels: str) -> float | None:
        """The sum of the samples that have these labels."""
        found = [one.value for one in self.all(name) if labels.items() <= one.labels.items()]
        return sum(found) if found else None

    def by(self, name: str, label: str) -> dict[str, float]:
        """Sums by the value of a label."""
        sums: defaultdict[str, float] = defaultdict(float)
        for one in self.all(name):
            sums[one.labels.get(label, "")] += one.value
        return dict(sums)

    def label(self, name: str, label: str) -> str | None:
        """The value of a label of the first sample: how a build says its version."""
        return next((one.labels.get(label) for one in self.all(name)), None)
