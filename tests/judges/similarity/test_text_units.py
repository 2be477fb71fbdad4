"""Words and sentences by Unicode's rules, in any script."""

import pytest

from judges.similarity.text_units import sentences, words


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The quick (“brown”) fox can’t jump 32.3 feet, right?", 9),
        ("example.com has 1,234.5 – a:b", 4),
        ("私は学生です。", 6),
        ("我喜欢编程，你呢？", 7),
        ("コンピューターとPC", 3),
        ("ｶﾞｷﾞ", 1),
        ("हिन्दी भाषा में", 3),
        ("안녕 세상", 2),
        ("สวัสดี", 4),
        ("cafe\u0301 and co\u00adoperate", 3),
        ("snake_case __ -- 👍🏽 …", 1),
        ("", 0),
    ],
)
def test_words(text, number):
    assert words(text) == number


def test_more_than_twenty_words_of_japanese_and_chinese_count():
    assert words("吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。") > 20
    assert words("人工智能是计算机科学的一个分支，它企图了解智能的实质。") > 20


def test_sentences_end_with_their_marks_and_with_a_line():
    assert sentences("One. Two e.g. this! Three?\nA line\n\n---\n「はい。」そうだ。") == [
        "One.",
        "Two e.g. this!",
        "Three?",
        "A line",
        "「はい。」",
        "そうだ。",
    ]


def test_the_number_of_an_item_is_no_sentence():
    assert sentences("1. First item. Next one.\n2. Second") == ["1. First item.", "Next one.", "2. Second"]


def test_nothing_is_lost_but_blanks():
    text = "Dr. Smith left (at 3 p.m.). He said “no.” Then\r\nhe slept…  Really?!"
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())
