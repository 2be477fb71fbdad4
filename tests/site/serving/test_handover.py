"""Which process may leave during a reload: as many serve as there shall be, at every moment."""

import pytest

from llmfao_site.serving.handover import LEAVING, LOADING, READY, Entry, may_leave


def workers(*states: int) -> list[Entry]:
    """The processes of ages 1, 2, ... in these states."""
    return [Entry(age, 1000 + age, state) for age, state in enumerate(states, start=1)]


@pytest.mark.parametrize(
    ("states", "leave"),
    [
        ((LEAVING, LEAVING, LOADING, LOADING), []),
        ((LEAVING, LEAVING, READY, LOADING), [1]),
        # The first has gone.
        ((0, LEAVING, READY, LOADING), []),
        ((0, LEAVING, READY, READY), [2]),
        # The site stops.
        ((LEAVING, LEAVING), [1, 2]),
        ((LEAVING, LEAVING, LEAVING, LEAVING), [1, 2, 3, 4]),
        # Fewer than before, with nothing new.
        ((LEAVING, READY, READY), [1]),
        # One process in all.
        ((LEAVING, LOADING), []),
        ((LEAVING, READY), [1]),
        # Two of three, from now on.
        ((LEAVING, LEAVING, LEAVING, READY, LOADING), [1]),
    ],
)
def test_an_old_process_serves_until_a_new_one_does(states: tuple[int, ...], leave: list[int]):
    there = [entry for entry in workers(*states) if entry.state]
    assert [entry.age for entry in there if entry.state == LEAVING and may_leave(entry.age, there)] == leave
