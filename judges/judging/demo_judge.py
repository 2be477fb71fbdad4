"""The judge of the demonstration: the stand-in, which is no real model and needs no key."""

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
    # Made up, so that a newcomer sees what is said of money: nobody is paid.
    "price_in": Decimal("0.15"),
    "price_out": Decimal("0.60"),
}
BUDGET: Final = 5 * NANOS


def install_stand_in(endpoint: str) -> Judge | None:
    """The judge called stand-in, asking at `endpoint`; None where a judge of that name is somebody's own.

    Its address is the one setting that is changed in place: every start of the demonstration may find it
    another port, and what the stand-in says hangs on its seed and not on where it listens. A run that was
    cut short by the end of the last demonstration goes on there.
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
