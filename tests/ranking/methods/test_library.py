"""`ranking.methods` is a library: the example of its page runs without Django and prints what the page says."""

import re
import subprocess
import sys

import numpy as np
import pytest

from ranking.methods.tally import BadVotes, Votes
from tests.places import ROOT

PAGE = ROOT / "docs" / "reference" / "library.md"

WITHOUT_DJANGO = "import sys; sys.modules['django'] = None\n"


@pytest.mark.once
def test_the_example_of_the_page_prints_what_the_page_says():
    example, result = re.findall(r"```(?:python)?\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    program = WITHOUT_DJANGO + example
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == result


def test_names_become_codes_in_alphabetical_order():
    votes = Votes.of_names(["b", "a"], ["a", "c"], ["right", "tie"], prompt=["p", "q"], rater=[7, 7])
    assert votes.names == ("a", "b", "c")
    assert [votes.x.tolist(), votes.y.tolist(), votes.outcome.tolist()] == [[1, 0], [0, 2], [0, 1]]
    assert votes.left is not None
    assert votes.prompt is not None
    assert votes.rater is not None
    assert (votes.left == 1).all()
    assert np.array_equal(votes.prompt, [0, 1])
    assert np.array_equal(votes.rater, [0, 0])


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ((["a"], ["b"], ["model_a"]), "winner holds 'model_a'"),
        ((["a"], ["a"], ["left"]), "compared with itself"),
        ((["a", "b"], ["b"], ["left", "left"]), "right has 1 entries"),
    ],
)
def test_what_is_no_comparison_is_refused(rows, match):
    with pytest.raises(BadVotes, match=match):
        Votes.of_names(*rows)


def test_a_list_of_raters_that_is_too_short_is_refused():
    with pytest.raises(BadVotes, match="rater has 1 entries, 2 were expected"):
        Votes.of_names(["a", "b"], ["b", "c"], ["left", "tie"], rater=[1])
