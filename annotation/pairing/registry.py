"""The strategies by name."""

from typing import Final

from annotation.pairing import everything, neighbours, random
from annotation.pairing.strategy import Strategy

STRATEGIES: Final[dict[str, Strategy]] = {
    "neighbours": neighbours.link,
    "random": random.link,
    "all": everything.link,
}
