"""Hypothesis settings for histories."""

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.histories.history import History

STEPS = 30


def run(*, histories: int, seed: int | None = None) -> None:
    """Run random histories. Raises the first failure: shrunk, or as found if a seed is given."""
    settings = hypothesis.settings(
        max_examples=histories,
        stateful_step_count=STEPS,
        phases=[Phase.generate] if seed is not None else [Phase.generate, Phase.shrink],
        deadline=None,
        database=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    if seed is None:
        run_state_machine_as_test(History, settings=settings)
    else:  # the seed is kept on the class
        run_state_machine_as_test(hypothesis.seed(seed)(type("History", (History,), {})), settings=settings)
