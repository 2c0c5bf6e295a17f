"""Faults come as they were asked for."""

import pytest

from reconciler.sandbox.faults import Fault, FaultSampler, parse


def test_a_spec_names_each_fault_and_its_share() -> None:
    assert parse("429=0.01, 500-after=0.5,cut=0.1,html=0,slow=0.2") == (
        Fault("status", 0.01, 429, after=False),
        Fault("status", 0.5, 500, after=True),
        Fault("cut", 0.1),
        Fault("html", 0),
        Fault("slow", 0.2),
    )
    assert parse("") == ()


@pytest.mark.parametrize(
    "spec", ["x=1", "429", "429=", "429=1.2.3", "200=1", "cut-after=1", "429=0.6,500=0.6"]
)
def test_a_spec_that_is_not_understood_says_so(spec: str) -> None:
    with pytest.raises(ValueError, match=r"expected|add up|float"):
        parse(spec)


def test_the_same_seed_draws_the_same_faults_in_their_share() -> None:
    def drawn(seed: int) -> list[str]:
        dice = FaultSampler(parse("429=0.1,cut=0.2"), seed)
        return [fault.name if (fault := dice.draw()) else "" for _ in range(10_000)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert 900 < drawn(1).count("status") < 1100
    assert 1850 < drawn(1).count("cut") < 2150
