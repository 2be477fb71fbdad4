"""The prompts on which two models differ most."""

import json

import numpy as np
import pytest
import scipy

from annotation.pairing import mad
from tests.places import REAL_DATA, needs_real_data

CASE = REAL_DATA / "mad" / "selection-case.json"


@needs_real_data("mad")
def test_the_seven_choices_that_were_worked_out():
    case = json.loads(CASE.read_text())
    similarity = np.array([row["similarity"] for row in case["rows"]])
    vectors = np.array([row["vector"] for row in case["rows"]])
    for wanted in case["expected"]:
        found = mad.choose(similarity, vectors, top=wanted["K"], spread=wanted["lambda"])
        assert found.tolist() == wanted["ids"]


def test_what_has_no_similarity_is_never_taken():
    assert mad.choose(np.array([0.5, np.nan, 0.1]), top=5).tolist() == [2, 0]
    assert mad.choose(np.full(3, np.nan), np.eye(3), top=2, spread=1.0).tolist() == []


def test_prompts_alike_are_left_out_for_others():
    vectors = np.array([[1.0, 0], [1.0, 0], [0, 1.0]])
    assert mad.choose(np.array([0.1, 0.2, 0.5]), vectors, top=2).tolist() == [0, 1]
    assert mad.choose(np.array([0.1, 0.2, 0.5]), vectors, top=2, spread=1.0).tolist() == [0, 2]


def test_spreading_needs_vectors():
    with pytest.raises(ValueError, match="vectors"):
        mad.choose(np.array([0.1]), spread=1.0)


def test_ties_go_to_the_earlier_prompt_although_a_cosine_is_not_quite_one():
    # The three prompts are parallel; in floating point their cosines to the first differ.
    vectors = np.array([[0.1, 0.3, 0.7], [0.3, 0.9, 2.1], [0.2, 0.6, 1.4]])
    assert mad.choose(np.array([0.0, 0.5, 0.5]), vectors, top=3, spread=1.0).tolist() == [0, 1, 2]


@needs_real_data("mad")
def test_sparse_vectors_choose_the_same():
    case = json.loads(CASE.read_text())
    similarity = np.array([row["similarity"] for row in case["rows"]])
    vectors = scipy.sparse.csr_array(np.array([row["vector"] for row in case["rows"]]))
    for wanted in case["expected"]:
        found = mad.choose(similarity, vectors, top=wanted["K"], spread=wanted["lambda"])
        assert found.tolist() == wanted["ids"]


@pytest.mark.parametrize(("top", "spread"), [(-1, 0.0), (1, -0.1), (1, float("nan")), (1, float("inf"))])
def test_numbers_that_make_no_sense_are_refused(top, spread):
    with pytest.raises(ValueError, match="negative"):
        mad.choose(np.array([0.1]), np.eye(1), top=top, spread=spread)
