"""Answers of the mock endpoint: sentences with words of the prompt, in the form that it asks for.

They mean nothing but look like answers: prose, a list, a poem, a sum or code, in Japanese if the prompt is. The same
random generator gives the same answer.
"""

import random
import re
from typing import Final

# fmt: off
_STOP_WORDS: Final = frozenset({
    "about", "does", "explain", "every", "from", "give", "have", "into", "like", "make", "should", "tell", "that",
    "their", "them", "there", "they", "this", "using", "what", "when", "where", "which", "will", "with", "would",
    "write", "your",
})
# fmt: on

_OPENINGS: Final = (
    "There is more to {topic} than one answer can hold, so here is the part that matters most.",
    "The short version: {topic} comes down to {other}.",
    "Let us begin with {topic} and work towards {other}.",
    "{Topic} is best understood by looking at {other} first.",
)
_MIDDLES: Final = (
    "Whoever starts with {topic} soon finds that {other} decides the rest.",
    "A common mistake is to treat {other} as an afterthought.",
    "In practice {topic} and {other} can seldom be had apart.",
    "That is also why {other} deserves a second look.",
    "None of this needs to be done at once; {topic} rewards patience.",
    "Small steps are easier to check than large ones.",
)
_ENDS: Final = (
    "If only one thing is kept of this, let it be {other}.",
    "The rest follows from {topic}.",
    "Anything beyond that depends on the case at hand.",
)
_POINTS: Final = (
    "**{Topic}**: say what you expect of it before you begin.",
    "**{Other}**: keep it small, and look at it again after a week.",
    "Write down what you have tried, with {topic} first.",
    "Ask somebody who has seen {other} go wrong.",
    "Leave out whatever does not serve {topic}.",
    "Set a date by which {other} has to be good enough.",
)
_LINES: Final = (
    "{Topic} at first light",
    "{other}, and then the rain again",
    "nobody has asked",
    "a door left open for {topic}",
    "the long way round to {other}",
    "what stays is quiet",
)
_JAPANESE: Final = (
    "まず要点を一つに絞ると、考えやすくなります。",
    "大切なのは、順序よく確かめながら進めることです。",
    "一方で、例外もあるため注意が必要です。",
    "具体例を挙げると、毎日少しずつ続ける方法があります。",
    "結論として、無理のない範囲で始めるのがよいでしょう。",
    "この点については、状況によって答えが変わります。",
)

_ASKS_FOR_CODE: Final = re.compile(
    r"\b(?:code|function|program|script|python|javascript|c\+\+|sql|html|css|svg|regex|implement)\b|関数|プログラム|コード",
    re.IGNORECASE,
)
_ASKS_FOR_LIST: Final = re.compile(
    r"\b(?:list|steps|ideas|ways|tips|plan|pros and cons|compare|three|five|ten|recipe|table)\b|箇条書き|挙げて",
    re.IGNORECASE,
)
_ASKS_FOR_LINES: Final = re.compile(r"\b(?:haiku|poem|verse|lyrics|song|rhyme)\b|俳句|詩", re.IGNORECASE)
_ASKS_FOR_NUMBER: Final = re.compile(
    r"\b(?:how many|how much|calculate|compute|solve|sum|probability|what is \d)|いくつ|求め|計算", re.IGNORECASE
)
_JAPANESE_LETTERS: Final = re.compile(r"[\u3040-\u30ff]")


def answer(prompt: str, chance: random.Random) -> str:
    """An answer to `prompt`, in Markdown."""
    japanese = bool(_JAPANESE_LETTERS.search(prompt))
    if _ASKS_FOR_CODE.search(prompt):
        return _code(prompt, chance, japanese=japanese)
    if japanese:
        return "".join(chance.sample(_JAPANESE, chance.randint(2, 5)))
    words = _words(prompt, chance)
    if _ASKS_FOR_LINES.search(prompt):
        return _said("  \n".join(chance.sample(_LINES, 3)), words)
    if _ASKS_FOR_NUMBER.search(prompt):
        return _number(prompt, chance, words)
    opening = chance.choice(_OPENINGS)
    if _ASKS_FOR_LIST.search(prompt):
        points = chance.sample(_POINTS, chance.randint(3, 5))
        return _said("\n".join([opening, "", *(f"{at}. {point}" for at, point in enumerate(points, 1))]), words)
    middle = " ".join(chance.sample(_MIDDLES, chance.randint(1, 4)))
    return _said("\n\n".join([f"{opening} {middle}", chance.choice(_ENDS)][: chance.randint(1, 2)]), words)


def _words(prompt: str, chance: random.Random) -> tuple[str, str]:
    """Two words that the prompt is about."""
    said = dict.fromkeys(re.findall(r"[a-z][a-z'-]{3,20}", prompt[:2000].lower()))
    found = [word for word in said if word not in _STOP_WORDS]
    words = chance.sample(found, min(2, len(found)))
    topic, other = [*words, "the question", "the details"][:2]
    return topic, other


def _said(text: str, words: tuple[str, str]) -> str:
    topic, other = words
    return text.format(topic=topic, other=other, Topic=topic.capitalize(), Other=other.capitalize())


def _number(prompt: str, chance: random.Random, words: tuple[str, str]) -> str:
    numbers = [int(number) for number in re.findall(r"\d{1,6}", prompt)][:3] or [chance.randint(2, 20)]
    result = sum(numbers) + chance.randint(-1, 1)
    return _said(
        f"Step by step, with {{topic}} first: {' + '.join(map(str, numbers))}.\n\nThe answer is **{result}**.", words
    )


def _code(prompt: str, chance: random.Random, *, japanese: bool) -> str:
    topic = re.sub(r"[^a-z]+", "_", _words(prompt, chance)[0].lower()).strip("_")
    size = chance.randint(2, 9)
    lines = [
        f"def {topic}(values):",
        f'    """The {size} largest of the values, in order."""',
        f"    return sorted(values, reverse=True)[:{size}]",
    ]
    before = "次のように書けます。" if japanese else "This does it:"
    after = "計算量は O(n log n) です。" if japanese else "It takes O(n log n) time and leaves its input alone."
    return "\n".join([before, "", "```python", *lines, "```", "", after])
