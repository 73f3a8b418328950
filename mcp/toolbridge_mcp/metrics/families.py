"""Families of metrics, made when somebody asks: rows of labels and amounts in, sums by equal labels out."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TypeAlias

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.utils import floatToGoString

Values: TypeAlias = tuple[str, ...]
"""The values of labels."""

Rows: TypeAlias = Iterable[tuple[Values, float]]
Distributions: TypeAlias = Iterable[tuple[Values, Sequence[int], float]]
"""Values of labels, how often something lay between two edges and above the last, and the sum of it all."""


def counter(name: str, says: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = CounterMetricFamily(name, says, labels=labels)
    for values, amount in _summed(rows).items():
        family.add_metric(values, amount)
    return family


def gauge(name: str, says: str, labels: Sequence[str], rows: Rows) -> Metric:
    family = GaugeMetricFamily(name, says, labels=labels)
    for values, amount in _summed(rows).items():
        family.add_metric(values, amount)
    return family


def histogram(
    name: str,
    says: str,
    labels: Sequence[str],
    distributions: Distributions,
    *,
    counted: Sequence[float],
    shown: Sequence[float],
    unit: float = 1,
) -> Metric:
    """`counted` are the edges by which the distributions were counted, in units of the histogram's own. Some
    of them are `shown`. The count is that of the last bucket, whatever is counted meanwhile."""
    family = HistogramMetricFamily(name, says, labels=labels)
    places = [counted.index(edge * unit) for edge in shown]
    names = [floatToGoString(edge) for edge in shown]  # type: ignore[no-untyped-call]
    for values, (counts, total) in _merged(distributions).items():
        upto = list(accumulate(counts))
        buckets = [(edge, upto[place]) for edge, place in zip(names, places, strict=True)]
        family.add_metric(values, buckets=[*buckets, ("+Inf", upto[-1])], sum_value=total / unit)
    return family


def summary(name: str, says: str, labels: Sequence[str], distributions: Distributions) -> Metric:
    family = SummaryMetricFamily(name, says, labels=labels)
    for values, (counts, total) in _merged(distributions).items():
        family.add_metric(values, count_value=sum(counts), sum_value=total)
    return family


def _summed(rows: Rows) -> dict[Values, float]:
    sums: dict[Values, float] = {}
    for values, amount in rows:
        sums[values] = sums.get(values, 0) + amount
    return sums


def _merged(distributions: Distributions) -> dict[Values, tuple[list[int], float]]:
    merged: dict[Values, tuple[list[int], float]] = {}
    for values, counts, total in distributions:
        before = merged.get(values)
        if before is None:
            merged[values] = list(counts), total
        else:
            merged[values] = [sum(pair) for pair in zip(before[0], counts, strict=True)], before[1] + total
    return merged
