"""A study for computers must neither refuse a computer nor accept a phone."""

import pytest

from annotation.devices import device_class

PHONES = [
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
        "Mobile/15E148 Safari/604.1"
    ),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Android 15; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
    "Opera/9.80 (J2ME/MIDP; Opera Mini/9.80) Presto/2.5.25 Version/10.54",
]
TABLETS = [
    (
        "Mozilla/5.0 (iPad; CPU OS 12_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/12.1.2 "
        "Mobile/15E148 Safari/604.1"
    ),
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Android 15; Tablet; rv:132.0) Gecko/132.0 Firefox/132.0",
]
COMPUTERS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
        "Safari/605.1.15"
    ),
    "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
]


@pytest.mark.parametrize("agent", PHONES)
def test_phones_are_known(agent: str) -> None:
    assert device_class({"User-Agent": agent}) == "phone"


@pytest.mark.parametrize("agent", TABLETS)
def test_tablets_are_known(agent: str) -> None:
    assert device_class({"User-Agent": agent}) == "tablet"


@pytest.mark.parametrize("agent", COMPUTERS)
def test_computers_are_known(agent: str) -> None:
    assert device_class({"User-Agent": agent}) == "computer"


def test_a_macintosh_with_a_touch_screen_is_an_ipad() -> None:
    assert device_class({"User-Agent": COMPUTERS[1]}, touch_points=5) == "tablet"
    assert device_class({"User-Agent": COMPUTERS[0]}, touch_points=10) == "computer"


def test_client_hints_win_over_the_user_agent() -> None:
    assert device_class({"User-Agent": COMPUTERS[2], "Sec-CH-UA-Mobile": "?1"}) == "phone"
    android = {"User-Agent": COMPUTERS[2], "Sec-CH-UA-Mobile": "?0", "Sec-CH-UA-Platform": '"Android"'}
    assert device_class(android) == "tablet"


def test_who_says_nothing_is_let_in_as_a_computer() -> None:
    assert device_class({}) == "computer"
