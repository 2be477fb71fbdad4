"""The search among pairs finds what a loop over all of them finds, in their order, however far it has to look."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import numpy as np
import pytest

from annotation.models import Assignment, Comparison, LanguageModel, Pair, Purpose, Rater, RaterKind, Study
from annotation.voting import assignments, votes
from annotation.voting.votes import Ballot
from ranking.pairs import search
from ranking.pairs.search import Search, Sought
from ranking.reports.agreement import _coded_both
from ranking.statistics.agreement import with_people
from ranking.votes.reader import Filters, cut, merged, single
from tests.builders import MARK, NOW, add_golden_pairs, build_study, build_worker
from tests.built_once import built_once
from tests.ranking.casting import judge, person, vote

pytestmark = pytest.mark.django_db


@pytest.fixture
@built_once
def study() -> Study:
    """Votes at random by seven people and two judges; `gpt9` sees both orders, up to three times each."""
    study = build_study(models=4, prompts=6)
    rng = np.random.default_rng(7)
    people = [person(study) for _index in range(7)]
    asked, single_order = judge(study), judge(study, "gpt1")
    rows: list[Comparison] = []

    def say(rater: Rater, pair: Pair, **fields: object) -> None:
        winner = str(rng.choice(["x", "y", "tie"], p=[0.5, 0.3, 0.2]))
        rows.append(Comparison(study=study, pair=pair, rater=rater, winner=winner, answered_at=NOW, **fields))

    for pair in study.pairs.order_by("pk"):
        for rater in people:
            if rng.random() < 0.5:
                say(rater, pair, left="x")
        trial = 0
        for left in "xy":
            for _sample in range(rng.integers(0, 4)):
                say(asked, pair, left=left, trial=trial)
                trial += 1
        if rng.random() < 0.4:
            say(single_order, pair, left=str(rng.choice(["x", "y"])))
    Comparison.objects.bulk_create(rows)
    # What does not count: a vote taken back, and all that an excluded person said.
    first = study.comparisons.filter(rater=people[0]).first()
    assert first is not None
    Comparison.objects.filter(pk=first.pk).update(
        superseded_by=vote(people[0], first.pair, first.winner, withdrawn=True)
    )
    Rater.objects.filter(pk=people[1].pk).update(excluded_at=NOW)
    return study


class Book:
    """All that counts of what was said in a study, read once, to look things up in by loops."""

    def __init__(self, study: Study) -> None:
        self.pairs = list(study.pairs.filter(purpose=Purpose.VOTE).select_related("prompt").order_by("pk"))
        self.rows: dict[int, list[Comparison]] = {pair.pk: [] for pair in self.pairs}
        for row in study.comparisons.select_related("rater"):
            if row.superseded_by_id is None and not row.withdrawn and row.rater.excluded_at is None:
                self.rows[row.pair_id].append(row)

    def votes(self, pair: Pair, rater: Rater | None = None, left: str = "xy") -> Counter[str]:
        """What people, or one rater, say of a pair."""
        rows = (row for row in self.rows[pair.pk] if row.left in left)
        return Counter(
            row.winner for row in rows if (row.rater == rater if rater else row.rater.kind == RaterKind.WORKER)
        )

    def most(self, pair: Pair) -> str | None:
        return top(self.votes(pair))

    def verdict(self, pair: Pair, rater: Rater) -> str | None:
        """What a judge says of a pair; `contradicts` where its orders or samples leave nothing."""
        orders = [counts for left in "xy" if (counts := self.votes(pair, rater, left))]
        said = {top(counts) for counts in orders}
        if not orders:
            return None
        return "contradicts" if len(said) > 1 or None in said else said.pop()

    def differ(self, pair: Pair, rater: Rater) -> bool:
        said, people = self.verdict(pair, rater), self.most(pair)
        return said is not None and people is not None and said.replace("contradicts", "tie") != people

    def outcome(self, pair: Pair, model: LanguageModel, said: str | None) -> str | None:
        """How it went for `model`; what a judge contradicts is a tie."""
        side = {pair.model_x_id: "x", pair.model_y_id: "y"}.get(model.pk)
        if side is None or said is None:
            return None
        return "won" if said == side else "lost" if said in {"x", "y"} else "tied"

    def where(self, wanted: Callable[[Pair], bool]) -> list[int]:
        return [pair.pk for pair in self.pairs if wanted(pair)]


def top(counts: Counter[str]) -> str | None:
    first = [word for word, number in counts.items() if number == max(counts.values())]
    return first[0] if len(first) == 1 else None


def found(study: Study, *, size: int = 5, **words: str) -> list[int]:
    finder = Search.of(study, search.shown(study, NOW, to_all=False), Sought(**words))
    pairs = [pk for keys in finder.all(size) for pk in keys]
    assert pairs == sorted(pairs)
    assert finder.count() == len(pairs)
    return pairs


@pytest.fixture
def book(study: Study) -> Book:
    return Book(study)


@pytest.fixture(params=[search.SPANS, (1, 2, 3), (2,)], ids=["as it is", "short stretches", "one short stretch"])
def spans(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """However short the stretches are that the search takes, all is found."""
    monkeypatch.setattr(search, "SPANS", request.param)


@pytest.mark.usefixtures("spans")
class TestTheSearchFindsWhatALoopFinds:
    def test_where_most_people_and_a_judge_disagree(self, study, book):
        for rater in study.raters.filter(kind=RaterKind.JUDGE):
            expected = book.where(partial(book.differ, rater=rater))
            assert 0 < len(expected) < len(book.pairs)
            assert found(study, split=f"judge:{rater.name}") == expected

    def test_where_people_disagree(self, study, book):
        expected = book.where(lambda pair: len(book.votes(pair)) > 1)
        assert 0 < len(expected) < len(book.pairs)
        assert found(study, split="people") == expected

    def test_where_a_judge_contradicts_itself_over_both_orders(self, study, book):
        rater = study.raters.get(name="gpt9")

        def contradicts(pair: Pair) -> bool:
            both = all(book.votes(pair, rater, left) for left in "xy")
            return both and book.verdict(pair, rater) == "contradicts"

        expected = book.where(contradicts)
        assert 0 < len(expected) < len(book.pairs)
        assert found(study, split="orders:gpt9") == expected
        assert found(study, split="orders:gpt1") == []

    def test_by_how_many_people_voted(self, study, book):
        number = {pair.pk: book.votes(pair).total() for pair in book.pairs}
        for count in range(5):
            assert found(study, votes=str(count)) == [pk for pk in number if number[pk] == count]
        assert found(study, votes="5+") == [pk for pk in number if number[pk] >= 5]

    def test_who_compared(self, study, book):
        for rater in study.raters.filter(excluded_at=None).select_related("worker"):
            expected = [pair.pk for pair in book.pairs if book.votes(pair, rater)]
            assert found(study, rater=rater.name or str(rater.worker.number)) == expected

    def test_what_a_model_won_tied_and_lost(self, study, book):
        rater, model = study.raters.get(name="gpt9"), study.prompt_set.models.first()
        by_people = {pair.pk: book.outcome(pair, model, book.most(pair)) for pair in book.pairs}
        by_judge = {pair.pk: book.outcome(pair, model, book.verdict(pair, rater)) for pair in book.pairs}
        for outcome in search.OUTCOMES:
            words = {"model": str(model.number), "outcome": outcome}
            assert found(study, **words) == [pk for pk, went in by_people.items() if went == outcome]
            assert found(study, **words, rater="gpt9") == [pk for pk, went in by_judge.items() if went == outcome]

    def test_several_words_at_once(self, study, book):
        rater = study.raters.get(name="gpt9")
        worker = study.raters.filter(kind=RaterKind.WORKER, excluded_at=None).select_related("worker")[0]
        by_worker = book.where(lambda pair: book.differ(pair, rater) and bool(book.votes(pair, worker)))
        assert found(study, split="judge:gpt9", rater=str(worker.worker.number)) == by_worker
        in_code = book.where(lambda pair: book.differ(pair, rater) and pair.prompt.type == "code")
        assert found(study, split="judge:gpt9", category="code") == in_code


class TestWhatIsRare:
    @pytest.fixture
    def last(self, study: Study) -> Pair:
        """The only pair that people are divided about."""
        study.comparisons.filter(rater__kind=RaterKind.WORKER).update(winner="x")
        last = study.pairs.order_by("-pk")[0]
        vote(person(study), last, "y")
        vote(person(study), last, "x")
        return last

    def test_it_is_reached_over_any_distance_by_going_on(self, study, last, monkeypatch):
        monkeypatch.setattr(search, "SPANS", (2,))
        finder = Search.of(study, search.shown(study, NOW, to_all=False), Sought(split="people"))
        start, pages = None, []
        while not pages or pages[-1].more:
            pages.append(finder.find(start, 5))
            start = pages[-1].stopped
        assert len(pages) > 5
        assert [pair for page in pages for pair in page.pairs] == [last.pk]
        assert finder.find(None, 5, back=True).pairs == (last.pk,)

    def test_a_vote_or_an_exclusion_counts_at_once(self, study, last):
        assert found(study, split="people") == [last.pk]
        first = study.pairs.order_by("pk")[0]
        rater = person(study)
        row = vote(rater, first, "y")
        assert found(study, split="people") == [first.pk, last.pk]
        Rater.objects.filter(pk=rater.pk).update(excluded_at=NOW)
        assert found(study, split="people") == [last.pk]
        Rater.objects.filter(pk=rater.pk).update(excluded_at=None)
        gone = vote(rater, first, "y", trial=1, withdrawn=True)
        Comparison.objects.filter(pk=row.pk).update(superseded_by=gone)
        assert found(study, split="people") == [last.pk]


def test_by_prompt_category_text_and_models(study, book):
    pair = study.pairs.select_related("prompt", "model_x", "model_y")[0]
    same_prompt = book.where(lambda other: other.prompt == pair.prompt)
    assert found(study, prompt=str(pair.prompt.number)) == same_prompt
    assert found(study, text=pair.prompt.text[:8].upper()) == same_prompt
    assert found(study, category="code") == book.where(lambda other: other.prompt.type == "code")
    both = {pair.model_x_id, pair.model_y_id}
    between = book.where(lambda other: {other.model_x_id, other.model_y_id} == both)
    assert found(study, model=str(pair.model_x.number), against=str(pair.model_y.number)) == between
    assert found(study, model=str(pair.model_y.number), against=str(pair.model_x.number)) == between


@pytest.mark.parametrize(
    "words",
    [
        {"category": "nothing"},
        {"prompt": "1"},
        {"prompt": "first"},
        {"prompt": "9" * 30},
        {"model": "one"},
        {"model": "1"},
        {"rater": "nobody"},
        {"rater": "9" * 30},
        {"rater": "9" * 5000},
        {"model": "9" * 30},
        {"model": str(MARK), "against": "-" + "9" * 30},
        {"votes": "9" * 30},
        {"split": "everything"},
        {"split": "judge:nobody"},
        {"split": "people:gpt9"},
        {"votes": "many"},
        {"votes": "-1"},
        {"outcome": "won"},
        {"outcome": "drawn", "model": str(MARK)},
        {"text": "a\0b"},
        {"rater": "\0"},
    ],
)
def test_a_word_that_means_nothing_in_the_study_finds_nothing(study, words):
    assert found(study, **words) == []


def test_the_number_found_is_that_of_the_agreement_report(study):
    line = cut(study)
    judged, people = merged(single(study, Filters("gpt9"), line)), single(study, Filters(), line)
    share = with_people(*_coded_both(judged, people)).plurality
    assert share.value is not None
    assert len(found(study, split="judge:gpt9")) == round(share.number * (1 - share.value))


def test_a_page_backwards_is_the_page_before(study):
    finder = Search.of(study, search.shown(study, NOW, to_all=False), Sought(split="people"))
    everything = found(study, split="people")
    assert len(everything) > 6
    page = finder.find(everything[5], 3, back=True)
    assert (list(page.pairs), page.more) == (everything[2:5], True)
    page = finder.find(everything[2], 3, back=True)
    assert (list(page.pairs), page.more) == (everything[:2], False)


def test_a_search_that_finds_nothing_for_long_says_how_far_it_came(study, monkeypatch):
    monkeypatch.setattr(search, "SPANS", (2, 3))
    finder = Search.of(study, search.shown(study, NOW, to_all=False), Sought(votes="5+"))
    study.comparisons.filter(rater__kind=RaterKind.WORKER).update(withdrawn=True)
    pairs = [pair.pk for pair in Book(study).pairs]
    stopped = finder.find(None, 10)
    assert (stopped.pairs, stopped.more, stopped.stopped) == ((), True, pairs[4])
    assert finder.find(pairs[-3], 10) == search.Found((), more=False)


def test_a_large_study_is_not_counted(study, monkeypatch):
    monkeypatch.setattr(search, "COUNTED", study.pairs.count() - 1)
    assert Search.of(study, search.shown(study, NOW, to_all=False), Sought()).count() is None


class TestWhatIsShownToAll:
    @pytest.fixture
    @built_once
    def study(self) -> Study:
        return build_study(models=2, prompts=3, overlap=1)

    def test_a_pair_that_people_may_still_vote_on_is_not(self, study):
        pairs = list(study.pairs.order_by("pk"))
        Pair.objects.filter(pk=pairs[0].pk).update(taken=1)
        assert list(search.shown(study, NOW, to_all=True)) == pairs[:1]
        assert list(search.shown(study, NOW, to_all=False).order_by("pk")) == pairs

    def test_a_pair_that_somebody_has_before_them_is_not(self, study):
        pair = study.pairs.first()
        Pair.objects.filter(pk=pair.pk).update(taken=1)
        worker = build_worker(study)
        held = Assignment.objects.create(
            study=study, pair=pair, worker=worker, slot=1, trial=1, left="x", created_at=NOW, expires_at=NOW
        )
        assert list(search.shown(study, NOW, to_all=True)) == []
        Assignment.objects.filter(pk=held.pk).update(state="voted")
        assert list(search.shown(study, NOW, to_all=True)) == [pair]

    def test_a_pair_whose_last_vote_can_be_taken_back_is_not(self):
        study = build_study(models=2, overlap=1)
        worker = build_worker(study)
        rng = np.random.default_rng(0)
        held = assignments.current(worker, NOW, rng)
        votes.vote(worker, held.pk, Ballot(value=1), NOW, rng)
        for minutes, shown in ((0, []), (study.reservation_minutes, []), (study.reservation_minutes + 1, [held.pair])):
            at = NOW + timedelta(minutes=minutes)
            assert list(search.shown(study, at, to_all=True).exclude(taken=0)) == shown
            assert (votes.last_vote(worker, at) is None) == bool(shown)

    def test_all_are_once_the_study_is_closed(self, study):
        study.status = "closed"
        assert search.shown(study, NOW, to_all=True).count() == 3

    def test_training_and_check_pairs_never_are(self, study):
        add_golden_pairs(study, ["x", "y"])
        add_golden_pairs(study, ["x"], Purpose.CHECK)
        study.status = "closed"
        for to_all in (True, False):
            assert set(search.shown(study, NOW, to_all=to_all).values_list("purpose", flat=True)) == {"vote"}
