"""Replies of embeddings endpoints: read in the order of the texts, and never guessed."""

import base64
import json

import numpy as np
import pytest

from judges.llm import embeddings
from judges.llm.errors import Again, Unfit
from judges.llm.mock import embedding


def body(*vectors, **more):
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(vectors)]
    return json.dumps({"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 7}, **more})


def test_the_vectors_are_read_and_left_out_of_what_is_kept():
    answer = embeddings.read(body([1, 0.5], [0, -2]), 2)
    assert embeddings.from_text(answer.reply.text).tolist() == [[1, 0.5], [0, -2]]
    assert "0.5" not in answer.raw
    assert (answer.usage.tokens_in, answer.usage.told, answer.model) == (7, True, "m")


def test_the_index_decides_the_order():
    shuffled = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    assert embeddings.from_text(embeddings.read(json.dumps({"data": shuffled}), 2).reply.text).tolist() == [[1], [2]]


def test_base64_is_read_too():
    packed = base64.b64encode(np.array([1, 2, 3], "<f4").tobytes()).decode()
    assert embeddings.from_text(embeddings.read(body(packed), 1).reply.text).tolist() == [[1, 2, 3]]


@pytest.mark.parametrize(
    "vectors",
    [
        [[1.0]],
        [[1.0], [1.0], [1.0]],
        [[1.0], [1.0, 2.0]],
        [[1.0], [0.0]],
        [[1.0], []],
        [[1.0], None],
        [[1.0], ["1"]],
        [[1.0], [1e40]],
        [[1.0], [True]],
        [[1.0], "###"],
    ],
)
def test_what_is_not_a_vector_for_each_text_fails(vectors):
    with pytest.raises(Unfit):
        embeddings.read(body(*vectors), 2)


def test_an_index_twice_fails():
    with pytest.raises(Unfit):
        embeddings.read(json.dumps({"data": [{"index": 0, "embedding": [1.0]}] * 2}), 2)


@pytest.mark.parametrize("raw", ["{", "[]", '{"data": []}', '{"error": {"message": "busy"}}', '{"data": [1]}'])
def test_a_broken_reply_is_tried_again(raw):
    with pytest.raises(Again):
        embeddings.read(raw, 1)


@pytest.mark.parametrize("base", ["http://x/v1", "http://x/v1/", "http://x/v1/embeddings"])
def test_the_address(base):
    assert embeddings.url(base) == "http://x/v1/embeddings"


def test_the_mock_puts_similar_texts_close():
    one, like, other = (np.array(embedding(0, text)) for text in ("A cat sat down.", "A cat sat up.", "株式会社"))
    assert one @ one == pytest.approx(1)
    assert one @ like > one @ other + 0.3
