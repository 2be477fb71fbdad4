"""New prompts of the mock endpoint, in the form that a request for one asks for.

Problems have a correct solution in the format of GSM8K. Other prompts keep the sentence of the seed prompt and change
what it is about, or add the drawn requirements to it. The same random generator gives the same prompt.
"""

import random
import re
from collections.abc import Callable
from typing import Final

_SEED: Final = re.compile(r"^\[Seed prompt (\w+)\]\n(.*?)\n\[End of seed prompt \1\]", re.DOTALL | re.MULTILINE)
_FORM: Final = re.compile(
    r"^Reply with exactly this form\b[^\n]*\n<(prompt|question)>\n[^\n]*\n</\1>(\n<answer>\n[^\n]*\n</answer>)?",
    re.MULTILINE,
)
_REQUIREMENT: Final = re.compile(r"^ {2}\d\. (.+)$", re.MULTILINE)
_JAPANESE: Final = re.compile(r"[\u3040-\u30ff]")

_NAMES: Final = ("Amara", "Björn", "Chidi", "Dalia", "Emil", "Farah", "Goran", "Hana", "Ines", "Jonas", "Kaito", "Lena")
_TOPICS: Final = (
    "a neighbourhood tool library",
    "the first day in a new office",
    "saving water in a school kitchen",
    "a repair workshop for bicycles",
    "moving house in the rain",
    "a train that is always late",
    "growing tomatoes on a balcony",
    "a meeting without an agenda",
    "learning to swim as an adult",
    "a lost parcel",
    "an allotment in winter",
    "sharing a car with colleagues",
)
_CIRCUMSTANCES: Final = (
    "in winter",
    "in a small town",
    "on a tight budget",
    "for a family of five",
    "seen by a newcomer",
    "during a heat wave",
    "with two weeks to go",
    "after a long strike",
    "without electricity",
    "on an island",
    "for people who work at night",
    "told to a grandparent",
)
_READERS: Final = (
    "for a local newspaper",
    "for a class of twelve-year-olds",
    "for the notice board",
    "for somebody in a hurry",
    "for an old friend",
    "for a town council",
    "for the neighbours",
    "for a radio programme",
)
_IDEAS: Final = (
    "supply and demand",
    "photosynthesis",
    "conservation of energy",
    "natural selection",
    "the separation of powers",
    "a chemical equilibrium",
    "the central limit theorem",
    "short-term memory",
    "plate tectonics",
    "a prime number",
    "inflation",
    "an electric field",
)
_ADDITIONS: Final = (
    ("10 to 30 lines", "Keep it between 10 and 30 lines."),
    ("efficient", "It must handle a million items within seconds."),
    ("library", "Build it on the standard module named collections."),
    ("simple", "A beginner must understand every line of it."),
)
_ASPECTS: Final = (
    "where does it show in daily life",
    "how is it measured",
    "what is it often confused with",
    "who first described it",
    "what would happen without it",
    "what is its simplest example",
    "which assumption does it rest on",
    "what limits it",
)
_JAPANESE_TOPICS: Final = (
    "近所の図書室",
    "雨の日の引っ越し",
    "ベランダの野菜",
    "遅れがちな電車",
    "自転車の修理",
    "初出勤の日",
)
_JAPANESE_READERS: Final = ("小学生", "祖父母", "新しい同僚", "町内会", "旅行者", "昔の友人", "急いでいる人", "隣人")


def asked_for(asked: str) -> bool:
    """Returns whether the messages `asked` ask for a new prompt."""
    return _FORM.search(asked) is not None


def reply(asked: str, chance: random.Random) -> str:
    """Returns a new prompt, with an answer if `asked` wants one."""
    form, seed = _FORM.search(asked), _SEED.search(asked)
    assert form is not None  # noqa: S101  `asked_for` was asked
    parent = (seed[2] if seed else asked[: form.start()]).strip()
    if form[1] == "question":
        text, answer = chance.choice(_PROBLEMS)(chance)
    elif requirements := _REQUIREMENT.findall(asked[: seed.start()] if seed else ""):
        text, answer = _with_requirements(parent, requirements), _CODE
    elif form[2]:
        text, answer = _question(parent, chance)
    else:
        text, answer = _other_topic(parent, chance), ""
    told = f"<{form[1]}>\n{text}\n</{form[1]}>"
    return f"{told}\n<answer>\n{answer}\n</answer>" if form[2] else told


_THINGS: Final = ("buns", "candles", "apples", "postcards", "marbles", "lemons", "notebooks", "shells", "tiles", "eggs")
_FESTIVALS: Final = ("market", "fair", "school party", "harbour festival", "book sale", "concert", "regatta")
_CONTAINERS: Final = ("boxes", "baskets", "crates", "tins", "bags", "drawers")
_LOSSES: Final = (
    "break on the way to",
    "are given away before",
    "are forgotten on the train to",
    "are eaten by mice before",
)
_GOALS: Final = ("library", "swimming pool", "harbour", "school", "bakery", "post office", "theatre", "lighthouse")
_MOVES: Final = ("walks", "cycles", "runs", "skates", "rides")
_REASONS: Final = (
    "because a bridge is closed",
    "to avoid the wind",
    "to visit a friend",
    "after a road was flooded",
    "to see the blossom",
)


def _boxes(chance: random.Random) -> tuple[str, str]:
    name, boxes, each, price = chance.choice(_NAMES), chance.randint(4, 19), chance.randint(6, 24), chance.randint(2, 9)
    things, where, box = chance.choice(_THINGS), chance.choice(_FESTIVALS), chance.choice(_CONTAINERS)
    loss, lost = chance.choice(_LOSSES), chance.randint(2, boxes * each // 2)
    total, left = boxes * each, boxes * each - lost
    money = left * price
    return (
        (
            f"{name} fills {boxes} {box} with {each} {things} each. {lost} {things} {loss} the {where}, and the rest "
            f"are sold there for ${price} each. How much money in dollars do the {things} bring in?"
        ),
        (
            f"{name} has {boxes} * {each} = <<{boxes}*{each}={total}>>{total} {things}.\n"
            f"{total} - {lost} = <<{total}-{lost}={left}>>{left} {things} are sold.\n"
            f"They bring in {left} * {price} = $<<{left}*{price}={money}>>{money}.\n#### {money}"
        ),
    )


def _walks(chance: random.Random) -> tuple[str, str]:
    name, days, metres, more = chance.choice(_NAMES), chance.randint(3, 6), chance.randint(2, 9) * 100, 50
    goal, moves, reason = chance.choice(_GOALS), chance.choice(_MOVES), chance.choice(_REASONS)
    more *= chance.randint(1, 8)
    first, last = days * metres, metres + more
    total = first + last
    return (
        (
            f"{name} {moves} {metres} metres to the {goal} on each of {days} days. On the day after, {name} takes a "
            f"path that is {more} metres longer, {reason}. How many metres does it take {name} to the {goal} in total?"
        ),
        (
            f"In the first {days} days that is {days} * {metres} = <<{days}*{metres}={first}>>{first} metres.\n"
            f"The longer path has {metres} + {more} = <<{metres}+{more}={last}>>{last} metres.\n"
            f"Together that is {first} + {last} = <<{first}+{last}={total}>>{total} metres.\n#### {total}"
        ),
    )


def _shares(chance: random.Random) -> tuple[str, str]:
    one, two = chance.sample(_NAMES, 2)
    things, where, box = chance.choice(_THINGS), chance.choice(_FESTIVALS), chance.choice(_CONTAINERS)
    times, own, given = chance.randint(2, 5), chance.randint(11, 60), chance.randint(3, 10)
    other = times * own
    left = other - given
    return (
        (
            f"{one} keeps {own} {things} in {box}, and {two} has {times} times as many. At the {where}, {two} gives "
            f"away {given} of them. How many {things} does {two} have left?"
        ),
        (
            f"{two} has {times} * {own} = <<{times}*{own}={other}>>{other} {things} at first.\n"
            f"Then {two} has {other} - {given} = <<{other}-{given}={left}>>{left} {things} left.\n#### {left}"
        ),
    )


_PROBLEMS: Final[tuple[Callable[[random.Random], tuple[str, str]], ...]] = (_boxes, _walks, _shares)

_CODE: Final = """from collections import Counter


def solve(items):
    \"\"\"Returns the items by how often they occur, most frequent first.\"\"\"
    counts = Counter(items)
    pairs = counts.most_common()
    result = []
    for item, _count in pairs:
        result.append(item)
    return result"""


def _with_requirements(parent: str, requirements: list[str]) -> str:
    said = [words for words, _sentence in _ADDITIONS for told in requirements if words in told]
    return " ".join([parent, *(sentence for words, sentence in _ADDITIONS if words in said)])


def _question(parent: str, chance: random.Random) -> tuple[str, str]:
    first = parent.split(maxsplit=1)[0] if parent.split() else "What"
    idea = chance.choice(_IDEAS)
    begins = {"Why": f"does {idea} matter", "How": f"would you explain {idea} to a friend"}
    question = f"{first} {begins.get(first, f'is {idea}')}, and {chance.choice(_ASPECTS)}?"
    return question, f"In an introductory course, {idea} is defined first and then shown with an example."


def _other_topic(parent: str, chance: random.Random) -> str:
    """Returns the first sentence of `parent` up to its topic, with another topic."""
    if _JAPANESE.search(parent):
        return f"{chance.choice(_JAPANESE_TOPICS)}について、{chance.choice(_JAPANESE_READERS)}に向けて書いてください。"
    topic = " ".join(chance.choice(words) for words in (_TOPICS, _CIRCUMSTANCES, _READERS))
    opening = re.match(r"(.{3,200}?\b(?:about|on|of|for|to|in praise of|against)\b)", parent, re.DOTALL)
    return f"{opening[1] if opening else 'Write a short text about'} {topic}."
