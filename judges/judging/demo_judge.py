"""The built-in test judge of the demonstration, which is not a real model and needs no API key."""

from decimal import Decimal
from typing import Any, Final

from judges.judging import judges, lookup
from judges.llm.mock import NAME
from judges.models import NANOS, Judge, JudgeVersion

SETTINGS: Final[dict[str, Any]] = {
    "model": NAME,
    "reader": "bracketed",
    "max_tokens": 256,
    "parallel": 4,
    # Made up, so that newcomers see costs; nothing is charged.
    "price_in": Decimal("0.15"),
    "price_out": Decimal("0.60"),
}
BUDGET: Final = 5 * NANOS


def install_stand_in(endpoint: str) -> Judge | None:
    """Installs the judge `stand-in` with `endpoint` and returns it, or None if a user's judge has this name.

    Its endpoint is the only setting changed in place: each start of the demonstration may use another port, and the
    verdicts depend on the seed, not on the address. A run interrupted by the end of the last demonstration continues
    at the new address.
    """
    judge = Judge.objects.filter(name=NAME).first()
    if judge is None:
        templates = lookup.templates_named("", SETTINGS["reader"])
        settings = {**SETTINGS, "endpoint": endpoint, "template": templates}
        return judges.add_judge(NAME, settings, budget=BUDGET)
    if not judge.current.stand_in:
        return None
    JudgeVersion.objects.filter(judge=judge, model=NAME).update(endpoint=endpoint)
    return judge
