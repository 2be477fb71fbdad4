"""Two studies on one prompt set, each door to its answers, and everybody before it.

Olga owns the set and runs the private study “haiku” on it, with her colleague Colin. Rita is a reader of the set and
runs the public study “other” on it, with her colleague Tom, who is no reader. Rex is a reader without a study. Remo was
Olga's colleague; he has a study of his own on the set, and left hers.
"""

import json
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation.importing import load
from annotation.models import Pair, PromptSet, PromptSetReader, Result, Status, Study, Upload
from annotation.studies import drafts, lifecycle, prompt_sets, sharing
from annotation.studies.lifecycle import NotPossible
from judges.judging import runs, schedules
from judges.judging.planning import Plan
from judges.models import (
    AnswerCall,
    AnswerReply,
    AnswerRun,
    AnswerSource,
    JudgeCall,
    JudgeReply,
    JudgeRun,
    ScheduleKind,
)
from tests.annotation.worker_pages import join
from tests.builders import NOW, build_study
from tests.judges.conftest import make_judge

pytestmark = pytest.mark.django_db

SECRET = "Quillfinch"
"""In the name of each model, and nowhere else."""

TEXT = "Answer 1 to prompt 0."

Studies = tuple[Study, Study]


def beside(study: Study, slug: str, owner: User | None, **fields: object) -> Study:
    """Returns a draft on the prompt set of `study`, with the same pairs."""
    made = lifecycle.create_study(slug, study.prompt_set, name=f"The {slug} study", owner=owner)
    Pair.objects.bulk_create(
        Pair(study=made, number=pair.number, key=pair.key, **{name: getattr(pair, name) for name in KEPT})
        for pair in study.pairs.order_by("pk")
    )
    Study.objects.filter(pk=made.pk).update(**fields)
    made.refresh_from_db()
    return made


KEPT = ("prompt_id", "model_x_id", "model_y_id", "result_x_id", "result_y_id")


@pytest.fixture
def users(owner, colleague, outsider, administrator) -> dict[str, User]:
    more = {name: User.objects.create_user(name) for name in ("rita", "tom", "rex", "remo")}
    return {"olga": owner, "colin": colleague, "otto": outsider, "ada": administrator, **more}


@pytest.fixture
def studies(users) -> Studies:
    """Returns Olga's study and Rita's, both drafts."""
    mine = build_study(opened=False)
    prompt_sets.change_study_owner(mine, users["olga"])
    sharing.share(mine, [users["colin"], users["remo"]])
    prompt_sets.change_access(mine.prompt_set, readers=[users["rita"], users["rex"]], editors=[])
    other = beside(mine, "other", users["rita"], public=True)
    sharing.share(other, [users["tom"]])
    # As an upgrade leaves him: with a study of his own, on a right that came through Olga's.
    PromptSetReader.objects.create(prompt_set=mine.prompt_set, user=users["remo"], study=mine)
    beside(mine, "own", users["remo"])
    for study in (mine, other):
        with_calls(study)
    sharing.share(mine, [users["colin"]])
    mine.refresh_from_db()
    other.refresh_from_db()
    return mine, other


def with_calls(study: Study) -> None:
    """Gives the study calls to a judge and to a model, whose requests and replies hold answers."""
    judge = make_judge("http://127.0.0.1:9/v1", name=f"judge-{study.slug}").current
    run = JudgeRun.objects.create(study=study, version=judge, created_at=NOW, state="cancelled")
    call = JudgeCall.objects.create(run=run, version=judge, pair=study.pairs.order_by("pk")[0], left="x")
    said = json.dumps({"messages": [{"role": "user", "content": TEXT}]})
    JudgeReply.objects.create(call=call, answered_as=judge, received_at=NOW, request=said, raw=said)
    model = study.prompt_set.models.order_by("pk")[0]
    source, _made = AnswerSource.objects.get_or_create(
        model=model, defaults={"endpoint": "http://127.0.0.1:9/v1", "api_id": "x"}
    )
    asked = AnswerRun.objects.create(study=study, source=source, created_at=NOW, state="cancelled")
    turn = AnswerCall.objects.filter(source=source).first() or AnswerCall.objects.create(
        run=asked, source=source, prompt=study.prompt_set.prompts.order_by("pk")[0]
    )
    if turn.run_id == asked.pk:
        AnswerReply.objects.create(call=turn, received_at=NOW, request=said, raw=said, text=TEXT)


@pytest.fixture
def clients(users, studies, as_user) -> dict[str, Client]:
    return {"anonymous": Client(), "voter": Client(), **{name: as_user(user) for name, user in users.items()}}


def phase(studies: Studies, name: str, voter: Client | None = None) -> None:
    """Takes Olga's study to `name`; Rita's is a draft until both are over."""
    mine, other = studies
    if name == "before":
        return
    lifecycle.start(mine)
    if voter is not None:
        join(voter, mine)
        voter.post(f"/s/{mine.slug}/begin/")
    if name == "paused":
        lifecycle.pause(mine)
    if name == "after":
        lifecycle.close(mine)
        Study.objects.filter(pk=other.pk).update(status=Status.CLOSED)


def doors(study: Study) -> dict[str, str]:
    """Returns each address at which the study shows what tells whose an answer is, by what it shows."""
    slug = study.slug
    call = JudgeCall.objects.get(run__study=study)
    pair, prompt = study.pairs.order_by("pk")[0], study.prompt_set.prompts.order_by("pk")[0]
    found = {
        "prompts": f"/api/studies/{slug}/prompts/",
        "results": f"/api/studies/{slug}/results/",
        "pairs": f"/api/studies/{slug}/pairs/",
        "training": f"/api/studies/{slug}/training-answers/",
        "full": f"/api/studies/{slug}/comparisons/?full=true",
        "judge calls": f"/api/studies/{slug}/judge-runs/{call.run_id}/calls/",
        "judge call": f"/api/studies/{slug}/judge-calls/{call.pk}/",
        "answer runs": f"/api/studies/{slug}/answer-runs/",
        "page of pairs": f"/leaderboard/{slug}/pairs/",
        "page of a pair": f"/leaderboard/{slug}/pairs/{pair.number}/",
        "pairs found": f"/leaderboard/{slug}/pairs/found.csv",
        "questions": f"/grades/{slug}/questions/",
        "question": f"/grades/{slug}/questions/{prompt.number}/",
        "page of judges": f"/studies/{slug}/judges/",
        "page of calls": f"/studies/{slug}/judges/runs/{call.run_id}/calls/",
        "calls as CSV": f"/studies/{slug}/judges/runs/{call.run_id}/calls.csv",
        "page of a call": f"/studies/{slug}/judges/calls/{call.pk}/",
        "answers": f"/studies/{slug}/answers/",
        "flags": f"/studies/{slug}/data/flags/",
        "flags as CSV": f"/studies/{slug}/data/flags.csv",
        "reports": f"/studies/{slug}/workers/reports/",
        "pair making": f"/studies/{slug}/pairs/",
        "coverage": f"/studies/{slug}/pairs/coverage.csv",
        "offer": f"/studies/{slug}/settings/pairs/",
        "publication": f"/studies/{slug}/settings/public/",
        "panels": f"/studies/{slug}/panels/",
        "exported prompts": f"/studies/{slug}/export/prompts/",
        "exported results": f"/studies/{slug}/export/results/",
        "exported pairs": f"/studies/{slug}/export/pairs/",
        "exported rows": f"/studies/{slug}/export/comparisons/?full=1",
        "MT-bench files": f"/studies/{slug}/export/mt-bench/",
    }
    talk = AnswerCall.objects.filter(run__study=study).first()
    if talk is not None:
        found["page of a talk"] = f"/studies/{slug}/answers/talks/{talk.pk}/"
        found["answer call"] = f"/api/studies/{slug}/answer-calls/{talk.pk}/"
    return found


OF_EVERYBODY = {"prompts", "results", "pairs", "page of pairs", "page of a pair", "pairs found"}
"""Doors that open to everybody where a study is public and nobody votes on the set."""

ONCE_CLOSED = {"questions", "question"}
"""Doors that also wait for the study itself to be closed."""

READS = {
    "haiku": {"olga", "colin", "ada"},
    "other": {"rita", "ada"},
}
"""Who may see everything about the answers in a study."""

MANAGES = {"haiku": {"olga", "colin", "ada"}, "other": {"rita", "tom", "ada"}}


@pytest.mark.parametrize("name", ["before", "during", "paused", "after"])
def test_every_door_opens_to_whom_it_may(name, studies, clients):
    phase(studies, name, clients["voter"])
    wrong = []
    for study in studies:
        for door, address in doors(study).items():
            for person, client in clients.items():
                response = client.get(address)
                body = response.getvalue().decode("utf-8", "replace")
                opened = response.status_code == 200 and "private for now" not in body
                may = person in READS[study.slug]
                if study.public and name in {"before", "after"}:
                    may |= door in OF_EVERYBODY or (door in ONCE_CLOSED and name == "after")
                if opened != may:
                    wrong.append((study.slug, door, person, response.status_code))
                if not opened and (TEXT in body or SECRET in body):
                    wrong.append((study.slug, door, person, "tells"))
                if not opened and person in MANAGES[study.slug] and response.status_code not in {403, 404, 200}:
                    wrong.append((study.slug, door, person, response.status_code))
    assert wrong == []


def test_leaderboards_stay_as_public_as_they_were(studies, clients):
    phase(studies, "during")
    for address in ("/leaderboard/other/", "/api/studies/other/leaderboards/", "/grades/other/"):
        assert clients["anonymous"].get(address).status_code == 200
    assert clients["anonymous"].get("/leaderboard/haiku/").status_code == 404
    for person in ("rita", "tom"):
        for page in ("", "data/", "workers/", "settings/", "export/", "export/comparisons/", "export/models/"):
            assert clients[person].get(f"/studies/other/{page}").status_code == 200, (person, page)


class TestTheAttack:
    def test_a_public_draft_shows_nobody_the_pair_in_hand(self, studies, clients):
        """Neither its owner's friends nor a voter find out from it whose the answers before them are."""
        assert TEXT in clients["anonymous"].get("/api/studies/other/results/").content.decode()
        phase(studies, "during", clients["voter"])
        assert "Answer" in clients["voter"].get("/s/haiku/vote/").content.decode()
        for person in ("anonymous", "voter", "otto"):
            for door in OF_EVERYBODY | ONCE_CLOSED:
                body = clients[person].get(doors(studies[1])[door]).getvalue().decode()
                assert "Answer" not in body or "Quillfinch" not in body, (person, door)

    def test_a_second_public_draft_of_the_same_owner_does_not_either(self, studies, users, clients):
        draft = drafts.draft_study(
            users["olga"], name="Second", slug="second", language="en", prompt_set=studies[0].prompt_set
        )
        Study.objects.filter(pk=draft.pk).update(public=True)
        phase(studies, "during")
        assert clients["anonymous"].get("/api/studies/second/results/").status_code == 404
        assert clients["anonymous"].get("/api/studies/second/").status_code == 200
        assert clients["olga"].get("/api/studies/second/results/").status_code == 200

    def test_somebody_who_was_removed_keeps_nothing(self, studies, users, clients):
        client, mine = clients["remo"], studies[0]
        assert client.get("/studies/own/").status_code == 200
        for address in ("/api/studies/own/results/", "/api/studies/own/prompts/"):
            assert client.get(address).status_code == 403
        for address in ("export/results/", "answers/", "judges/", "pairs/", "data/flags/"):
            assert client.get(f"/studies/own/{address}").status_code == 403, address
        before = list(Result.objects.values()), list(AnswerSource.objects.values()), AnswerRun.objects.count()
        upload = {"exchange_files": as_file("results.jsonl", RESULT)}
        assert client.post("/studies/own/data/", upload).status_code == 403
        assert client.post("/studies/own/answers/system/", {"system": "Lie."}).status_code == 403
        source = AnswerSource.objects.get()
        asked = {"models": [source.pk], "samples": 1, "start": "1"}
        assert client.post("/studies/own/answers/", asked).status_code == 403
        assert client.post("/api/studies/own/judge-runs/", {"judge": "judge-haiku"}).status_code == 403
        assert before == (list(Result.objects.values()), list(AnswerSource.objects.values()), AnswerRun.objects.count())
        with pytest.raises(NotPossible, match="may no longer use"):
            lifecycle.start(Study.objects.get(slug="own"))
        # Nor does he hand it on, or publish it.
        sharing.share(Study.objects.get(slug="own"), [users["otto"]])
        assert clients["otto"].get("/api/studies/own/results/").status_code == 403
        Study.objects.filter(slug="own").update(public=True)
        for person in ("anonymous", "remo", "otto"):
            assert clients[person].get("/api/studies/own/results/").status_code in {403, 404}
        form = {"name": "More", "language": "en", "prompt_set": mine.prompt_set_id}
        assert client.post("/new-study/", form).status_code == 200
        assert not Study.objects.filter(name="More").exists()
        with pytest.raises(NotPossible):
            drafts.draft_study(users["remo"], name="x", slug="x", language="en", prompt_set=mine.prompt_set)

    def test_the_study_of_somebody_who_is_removed_stops(self, users):
        mine = build_study(opened=False)
        prompt_sets.change_study_owner(mine, users["olga"])
        prompt_sets.change_access(mine.prompt_set, readers=[users["rita"]], editors=[])
        other = lifecycle.start(beside(mine, "other", users["rita"]))
        judge = make_judge("http://127.0.0.1:9/v1").current
        run = runs.start(other, judge, Plan(), NOW, user=users["rita"])
        schedule = schedules.set_every(other, judge.judge, ScheduleKind.NEW, 1, NOW, user=users["rita"])
        assert not schedules.hindrance(schedule) or schedules.hindrance(schedule).code == "at-work"
        prompt_sets.change_access(mine.prompt_set, readers=[], editors=[])
        other.refresh_from_db()
        run.refresh_from_db()
        assert (other.status, run.state) == (Status.PAUSED, "paused")
        Study.objects.filter(pk=other.pk).update(status=Status.DRAFT)
        schedule.study.refresh_from_db()
        assert schedules.hindrance(schedule).code == "may-not"
        with pytest.raises(NotPossible, match="may no longer use"):
            runs.judge_life.resume(run)
        with pytest.raises(NotPossible, match="may no longer use"):
            runs.start(other, make_judge("http://127.0.0.1:9/v1", name="second").current, Plan(), NOW)


RESULT = '{"id": 5, "model": 900000000, "prompt": 900010000, "result": "Planted."}\n'
COMPARISON = "id,pair,prompt,type,slug,left,right,winner,worker\n"  # the plain file of people's votes


def as_file(name: str, text: str):
    from django.core.files.uploadedfile import SimpleUploadedFile

    return SimpleUploadedFile(name, text.encode())


class TestWriting:
    """Who may change the set: its owner, editors, and the colleagues in studies of its owner."""

    @pytest.mark.parametrize(
        ("person", "slug", "status"),
        [
            ("olga", "haiku", 302),
            ("colin", "haiku", 302),
            ("ada", "other", 302),
            ("rita", "other", 403),
            ("tom", "other", 403),
            ("otto", "other", 404),
        ],
    )
    def test_answers_are_asked_for_with_the_owners_leave(self, studies, clients, person, slug, status):
        sent = clients[person].post(f"/studies/{slug}/answers/system/", {"system": "Be brief."})
        assert sent.status_code == status
        run = AnswerRun.objects.get(study__slug=slug)
        for change in ("pause", "resume", "cancel"):
            changed = clients[person].post(f"/studies/{slug}/answers/runs/{run.pk}/{change}/")
            assert changed.status_code == status, change

    def test_an_editor_may_and_a_reader_may_not(self, studies, users, clients):
        address, system = "/studies/other/answers/system/", {"system": "Be brief."}
        assert clients["rita"].post(address, system).status_code == 403
        prompt_sets.change_access(studies[0].prompt_set, readers=[], editors=[users["rita"]])
        assert clients["rita"].post(address, system).status_code == 302

    def test_an_endpoint_needs_leave_and_the_right_to_add_judges(self, studies, users, clients):
        from django.contrib.auth.models import Permission

        may_add = Permission.objects.get(codename="add_judge")
        for name in ("rita", "colin"):
            users[name].user_permissions.add(may_add)
        assert clients["rita"].get("/studies/other/answers/sources/new/").status_code == 403
        assert clients["colin"].get("/studies/haiku/answers/sources/new/").status_code == 200

    @pytest.mark.parametrize(("person", "stored"), [("rita", False), ("ada", True)])
    def test_a_reader_uploads_no_answers(self, studies, users, tmp_path, person, stored):
        path = tmp_path / "models.jsonl"
        path.write_text('{"id": 7, "name": "Planted"}\n')
        if stored:
            load.load([path], study_slug="other", user=users[person])
        else:
            with pytest.raises(load.FaultyFiles) as refused:
                load.load([path], study_slug="other", user=users[person])
            assert "Ask its owner" in load.worded(refused.value.faults.listed[0])
        assert studies[0].prompt_set.models.filter(name="Planted").exists() == stored

    def test_a_reader_uploads_pairs_of_their_study(self, studies, users, tmp_path):
        before = studies[1].pairs.count()
        pair = {"id": -5, "prompt": 900010000, "text": "?", "model_x": 900000000, "result_x": "a"}
        pair |= {"model_y": 900000001, "result_y": "b", "golden": "left", "reason": "Because."}
        path = tmp_path / "pairs-training.jsonl"
        path.write_text(json.dumps(pair) + "\n")
        load.load([path], study_slug="other", user=users["rita"])
        assert studies[1].pairs.count() == before + 1
        with pytest.raises(NotPossible, match="may no longer use"):
            load.load([path], study_slug="own", user=users["remo"])

    def test_an_upload_that_waits_is_refused_once_its_user_may_no_longer(self, studies, users, clients):
        from annotation.importing import uploads

        prompt_sets.change_access(studies[0].prompt_set, readers=[], editors=[users["rita"]])
        upload = uploads.submit(studies[1], users["rita"], [as_file("models.jsonl", '{"id": 7, "name": "Planted"}\n')])
        prompt_sets.change_access(studies[0].prompt_set, readers=[users["rita"]], editors=[])
        uploads.run(upload.pk)
        upload.refresh_from_db()
        assert (upload.state, upload.report["count"]) == ("faulty", 1)
        assert not studies[0].prompt_set.models.filter(name="Planted").exists()

    def test_only_who_may_add_rows_may_undo_their_upload(self, studies, users, clients, tmp_path):
        path = tmp_path / "models.jsonl"
        path.write_text('{"id": 7, "name": "Planted"}\n')
        load.load([path], study_slug="other", user=users["ada"])
        upload = Upload.objects.get()
        assert clients["rita"].post(f"/studies/other/data/uploads/{upload.pk}/undo/").status_code == 403
        assert clients["ada"].post(f"/studies/other/data/uploads/{upload.pk}/undo/").status_code == 302


class TestThePage:
    def test_the_owner_sees_every_study_and_who_may_read(self, studies, clients):
        page = clients["olga"].get("/prompt-sets/haiku/").content.decode()
        for word in ("The haiku study", "The other study", "The own study", "rita", "rex", "colin", "no access"):
            assert word in page, word
        told = clients["olga"].get("/api/prompt-sets/haiku/").json()
        assert {study["slug"] for study in told["studies"]} == {"haiku", "other", "own"}
        assert {(each["user"], each["edits"], each["study"]) for each in told["readers"]} == {
            ("rita", False, None),
            ("rex", False, None),
            ("colin", True, "haiku"),
        }

    @pytest.mark.parametrize(
        ("person", "status", "known"),
        [
            ("rita", 200, {"other"}),
            ("rex", 200, set()),
            ("tom", 200, {"other"}),
            ("colin", 200, {"haiku"}),
            ("remo", 200, {"own"}),
            ("otto", 404, None),
            ("anonymous", 302, None),
        ],
    )
    def test_others_see_only_their_studies(self, studies, clients, person, status, known):
        assert clients[person].get("/prompt-sets/haiku/").status_code == status
        if known is not None:
            told = clients[person].get("/api/prompt-sets/haiku/").json()
            assert {study["slug"] for study in told["studies"]} == known
            assert "readers" not in told
        for address in ("", "owner/", "studies/other/detach/", "studies/other/attach/", "readers/1/remove/"):
            sent = {"readers": person, "owner": person}
            answer = clients[person].post(f"/prompt-sets/haiku/{address}", sent)
            assert answer.status_code == {200: 403, 404: 404, 302: 302}[status], address
        assert PromptSet.objects.get().owner.get_username() == "olga"
        assert set(PromptSetReader.objects.values_list("user__username", flat=True)) == {"rita", "rex"}

    def test_readers_are_added_and_removed(self, studies, clients):
        sent = clients["olga"].post("/prompt-sets/haiku/", {"readers": "tom", "editors": "rex\notto"})
        assert sent.status_code == 302
        assert set(PromptSetReader.objects.values_list("user__username", "edits")) == {
            ("tom", False),
            ("rex", True),
            ("otto", True),
        }
        unknown = clients["olga"].post("/prompt-sets/haiku/", {"readers": "nobody-of-that-name"})
        assert "No account is named" in unknown.content.decode()

    def test_another_owner(self, studies, users, clients):
        assert clients["olga"].post("/prompt-sets/haiku/owner/", {"owner": "rita"}).status_code == 302
        assert PromptSet.objects.get().owner == users["rita"]
        # Olga goes on as an editor; her colleague used the set because it was hers.
        assert clients["olga"].get("/api/studies/haiku/results/").status_code == 200
        assert clients["colin"].get("/api/studies/haiku/results/").status_code == 403
        assert clients["tom"].get("/api/studies/other/results/").status_code == 200


class TestDetaching:
    def test_a_detached_study_is_closed_and_keeps_everything_but_the_texts(self, studies, users, clients):
        _mine, other = studies
        lifecycle.start(other)
        assert clients["olga"].get("/prompt-sets/haiku/studies/other/detach/").status_code == 200
        assert clients["olga"].post("/prompt-sets/haiku/studies/other/detach/").status_code == 302
        other.refresh_from_db()
        assert (other.status, other.detached_at is None) == (Status.CLOSED, False)
        for person in ("rita", "tom"):
            assert clients[person].get("/studies/other/").status_code == 200
            assert clients[person].get("/studies/other/export/comparisons/").status_code == 200
            assert clients[person].get("/api/studies/other/results/").status_code == 403
        assert clients["anonymous"].get("/api/studies/other/results/").status_code == 404
        assert clients["anonymous"].get("/leaderboard/other/").status_code == 200
        assert clients["anonymous"].get("/leaderboard/other/pairs/").status_code == 404
        with pytest.raises(NotPossible, match="may no longer use"):
            lifecycle.start(other)
        with pytest.raises(NotPossible, match="already"):
            prompt_sets.detach(other, NOW)
        assert clients["olga"].post("/prompt-sets/haiku/studies/other/attach/").status_code == 302
        lifecycle.start(other)
        assert clients["rita"].get("/api/studies/other/results/").status_code == 200

    def test_the_owners_other_studies_go_on(self, studies, clients):
        lifecycle.start(studies[0])
        prompt_sets.detach(studies[1], NOW)
        studies[0].refresh_from_db()
        assert studies[0].status == Status.OPEN
        assert clients["olga"].get("/api/studies/haiku/results/").status_code == 200


class TestPairsWhilePeopleVoteInTheirOwnStudy:
    def test_an_answer_of_an_unfinished_pair_is_shown_in_no_other_pair(self):
        study = build_study(models=3, prompts=2, overlap=1, public=True)
        first, *rest = study.pairs.filter(prompt=study.prompt_set.prompts.order_by("pk")[0]).order_by("pk")
        Pair.objects.filter(pk=first.pk).update(taken=1)
        assert list(prompt_sets.public_pairs(study, NOW)) == []
        Pair.objects.filter(pk__in=[pair.pk for pair in rest]).update(taken=1)
        assert set(prompt_sets.public_pairs(study, NOW)) == {first, *rest}


class TestASetWithoutAnOwner:
    """As the command line makes one: its oldest study counts as the owner's, and superusers manage it."""

    def test_its_first_study_uses_it_and_others_do_not(self, users, as_user):
        study = build_study(opened=False)
        sharing.share(study, [users["colin"]])
        later = beside(study, "later", users["rita"])
        assert as_user(users["colin"]).get("/api/studies/haiku/results/").status_code == 200
        assert as_user(users["rita"]).get("/api/studies/later/results/").status_code == 403
        with pytest.raises(NotPossible):
            lifecycle.start(later)

    def test_it_goes_to_the_owner_that_its_only_study_gets(self, users, as_user):
        study = build_study(opened=False)
        prompt_sets.change_study_owner(study, users["olga"])
        assert PromptSet.objects.get().owner == users["olga"]
        later = beside(study, "later", None)
        prompt_sets.change_study_owner(later, users["rita"])
        assert PromptSet.objects.get().owner == users["olga"]
        assert as_user(users["rita"]).get("/api/studies/later/results/").status_code == 200
        prompt_sets.change_study_owner(later, None)
        assert not PromptSetReader.objects.exists()


def test_staff_find_only_answers_they_may_read_in_the_admin(studies, users, as_user: Callable[[User], Client]):
    from django.contrib.auth.models import Permission

    for name in ("otto", "rex"):
        users[name].is_staff = True
        users[name].save()
        users[name].user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    of_annotation = ("prompt", "result", "pair", "comparison", "report", "languagemodel")
    of_judges = ("judgecall", "judgereply", "verdict", "answercall", "answerreply", "judgment", "systemmessage")
    for table in (*(f"annotation/{name}" for name in of_annotation), *(f"judges/{name}" for name in of_judges)):
        lists = [as_user(users[name]).get(f"/admin/{table}/").context["cl"].queryset for name in ("otto", "rex")]
        assert not lists[0].exists(), table
        assert lists[1].exists() == lists[1].model.objects.exists(), table
    assert as_user(users["rex"]).get("/admin/judges/judgereply/").context["cl"].queryset.exists()


def test_a_draft_is_deleted_with_its_set_by_the_sets_owner_alone(users):
    mine = build_study(opened=False)
    prompt_sets.change_study_owner(mine, users["olga"])
    prompt_sets.change_access(mine.prompt_set, readers=[users["rita"]], editors=[])
    other = beside(mine, "other", users["rita"])
    from annotation.studies import deletion

    deletion.delete_draft(mine, user=users["olga"])
    with pytest.raises(NotPossible, match="Only the owner"):
        deletion.delete_draft(other, user=users["rita"], with_prompt_set=True)
    deletion.delete_draft(other, user=users["rita"])
    assert PromptSet.objects.exists()
