import multiprocessing
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from judges.llm import rate_limits as pace_module
from judges.llm.rate_limits import SPAN, FilePace, Limits, Pace, Turn, Window
from judges.llm.redis_rate_limits import AWAY, RedisPace


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class OneProcess:
    """The window by itself: what the paces that processes share are held to."""

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self._window = Window(limits)
        self._clock = clock

    def take(self, tokens: int) -> Turn:
        return self._window.take(tokens, self._clock())

    def settle(self, ticket: str, tokens: int) -> None:
        self._window.settle(ticket, tokens)


type Make = Callable[[Limits, Clock], Pace]


@pytest.fixture(params=["process", "file", pytest.param("redis", marks=pytest.mark.redis)])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """One of the three ways to keep the window."""
    if request.param == "process":
        return OneProcess
    if request.param == "file":
        return lambda limits, clock: FilePace(tmp_path / "pace", limits, clock)
    address = request.getfixturevalue("redis_server")
    client = redis.Redis.from_url(address)
    return lambda limits, clock: RedisPace(client, "test", limits, clock)


def sends(pace: Pace, clock: Clock, seconds: float, tokens: int = 1) -> list[float]:
    """The times of sends by somebody who asks again exactly when told to, for so many seconds."""
    end, times = clock.now + seconds, []
    while clock.now < end:
        turn = pace.take(tokens)
        if turn.wait:
            clock.now += turn.wait
        else:
            times.append(clock.now)
    return times


def most_in_a_minute(times: list[float]) -> int:
    return max(sum(1 for other in times if at <= other < at + 60) for at in times)


def test_never_more_than_the_limit_in_any_minute_and_little_less(make: Make) -> None:
    clock = Clock()
    times = sends(make(Limits(requests=30), clock), clock, 600)
    assert most_in_a_minute(times) == 30
    assert len(times) >= 0.95 * 30 * 10


def test_a_send_that_lags_its_count_by_a_second_breaks_no_limit(make: Make) -> None:
    clock = Clock()
    times = sends(make(Limits(requests=10), clock), clock, 300)
    late = [at + (0.99 if index % 2 else 0.0) for index, at in enumerate(times)]
    assert most_in_a_minute(late) <= 10


def test_tokens_are_limited_and_settled_by_what_they_were(make: Make) -> None:
    clock = Clock()
    pace = make(Limits(tokens=1000), clock)
    first = pace.take(600)
    assert first.ticket
    assert pace.take(600).wait == pytest.approx(SPAN, abs=0.01)
    pace.settle(first.ticket, 100)
    assert pace.take(600).wait == 0
    clock.now += SPAN + 0.01
    assert pace.take(1000).wait == 0


def test_a_request_of_more_tokens_than_a_minute_has_goes_alone(make: Make) -> None:
    clock = Clock()
    pace = make(Limits(tokens=1000), clock)
    assert pace.take(5000).wait == 0
    assert pace.take(1).wait > 60
    clock.now += SPAN + 0.01
    assert pace.take(1).wait == 0


def test_both_limits_hold_together(make: Make) -> None:
    clock = Clock()
    times = sends(make(Limits(requests=100, tokens=1000), clock), clock, 200, tokens=100)
    assert most_in_a_minute(times) == 10


@pytest.mark.redis
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=50)
@given(steps=st.lists(st.tuples(st.floats(0, 40), st.integers(1, 500)), max_size=30))
def test_redis_decides_as_the_window_of_one_process_does(redis_server: str, steps: list[tuple[float, int]]) -> None:
    client = redis.Redis.from_url(redis_server)
    client.flushall()
    clock, limits = Clock(), Limits(requests=5, tokens=800)
    one, other = OneProcess(limits, clock), RedisPace(client, "same", limits, clock)
    for seconds, tokens in steps:
        clock.now += round(seconds, 3)
        first, second = one.take(tokens), other.take(tokens)
        assert first.wait == pytest.approx(second.wait, abs=0.001)


@pytest.mark.redis
def test_redis_that_comes_back_empty_costs_a_minute_and_no_limit(redis_server: str) -> None:
    client = redis.Redis.from_url(redis_server)
    clock, limits = Clock(), Limits(requests=5, tokens=1000)
    one, other = (RedisPace(client, "emptied", limits, clock) for _process in range(2))
    before = [clock.now] * 4
    assert [pace.take(1).wait for pace in (one, one, other, other)] == [0, 0, 0, 0]
    clock.now += 10
    client.flushall()
    assert one.take(1).wait == pytest.approx(SPAN, abs=0.01)
    assert other.take(1).wait == pytest.approx(SPAN, abs=0.01)
    after = sends(other, clock, 300)
    assert most_in_a_minute([*before, *after]) <= 5
    assert len(after) >= 20


@pytest.mark.redis
def test_nothing_is_sent_while_redis_is_away(redis_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = redis.Redis.from_url(redis_server)
    pace = RedisPace(client, "away", Limits(requests=5, tokens=1000))
    ticket = pace.take(1).ticket

    def nobody_listens(*_arguments: object, **_options: object) -> None:
        raise redis.ConnectionError("Connection refused.")

    with monkeypatch.context() as patched:
        patched.setattr(client, "execute_command", nobody_listens)
        assert pace.take(1) == Turn(AWAY)
        pace.settle(ticket, 1)
    assert pace.take(1).wait == 0


def test_a_window_file_cut_short_by_a_power_cut_costs_a_minute_and_no_limit(tmp_path: Path) -> None:
    clock = Clock()
    (tmp_path / "pace").write_text("[[12")
    pace = FilePace(tmp_path / "pace", Limits(requests=2), clock)
    assert pace.take(1).wait == pytest.approx(SPAN)
    clock.now += SPAN + 1
    assert pace.take(1).wait == 0


def test_a_file_that_is_written_anew_forgets_no_send(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "_COMPACT", 8)
    clock, limits = Clock(), Limits(requests=5, tokens=100)
    one, other, alone = (FilePace(tmp_path / "pace", limits, clock) for _place in range(3))
    window = OneProcess(limits, clock)
    rng = np.random.default_rng(4)
    for number in range(300):
        clock.now += rng.uniform(0, 30)
        turn, wanted = (one, other)[number % 2].take(10), window.take(10)
        assert turn.wait == pytest.approx(wanted.wait, abs=1e-6)
        if turn.ticket and number % 3 == 0:
            one.settle(turn.ticket, 40)
            window.settle(wanted.ticket, 40)
    # One that looks for the first time knows the same.
    assert alone.take(10).wait == pytest.approx(window.take(10).wait, abs=1e-6)
    assert (tmp_path / "pace").stat().st_size < 2000
    assert list(tmp_path.iterdir()) == [tmp_path / "pace"]


def test_a_folder_that_was_cleared_parts_no_process_from_the_others(tmp_path: Path) -> None:
    clock = Clock()
    one, other = (FilePace(tmp_path / "pace", Limits(requests=2), clock) for _place in range(2))
    assert one.take(1).wait == other.take(1).wait == 0
    (tmp_path / "pace").unlink()
    assert one.take(1).wait == other.take(1).wait == 0
    assert one.take(1).wait > 0
    assert other.take(1).wait > 0


def test_a_clock_that_was_set_back_costs_a_minute_and_no_limit(make: Make) -> None:
    clock = Clock()
    pace = make(Limits(requests=1), clock)
    assert pace.take(1).wait == 0
    clock.now -= 3600
    wait = pace.take(1).wait
    assert 0 < wait <= SPAN
    clock.now += wait
    assert pace.take(1).wait == 0


@pytest.mark.parametrize("left", [b"", b"llm", b"llmfao-pace-2\n\0\0" + b"x" * 40])
def test_a_process_killed_while_it_writes_breaks_no_limit(tmp_path: Path, left: bytes) -> None:
    clock = Clock()
    (tmp_path / "pace").write_bytes(left)
    taken = sum(FilePace(tmp_path / "pace", Limits(requests=3), clock).take(1).wait == 0 for _attempt in range(9))
    assert taken == (0 if left else 3)


def _noon() -> float:
    return 1_000_000.0


def _take(path: Path, count: int) -> int:
    # However long the processes take to start, it is one minute to them.
    pace = FilePace(path, Limits(requests=50), _noon)
    return sum(1 for _attempt in range(count) if pace.take(1).wait == 0)


def test_processes_share_one_window_through_a_file(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        taken = pool.starmap(_take, [(tmp_path / "pace", 40)] * 3)
    assert sum(taken) == 50


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_lets_nothing_through_is_refused(limit: int) -> None:
    with pytest.raises(ValueError, match="from 1 on"):
        Limits(requests=limit)
