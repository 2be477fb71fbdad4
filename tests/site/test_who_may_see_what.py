"""Access to every URL of the site: a table in which every URL must be listed.

Five people request each: nobody signed in; a worker of the study; a colleague the study is shared with;
an outsider, who has an account here and other studies; the site's administrator.
"""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from annotation.exporting import jobs, layouts
from annotation.exporting.selection import Selection
from annotation.models import Pair, PairRun, Rater, Report, Study, Upload, UploadState
from annotation.studies import drafts
from judges.models import (
    AnswerCall,
    AnswerRun,
    AnswerSource,
    BenchmarkRun,
    EvolveCall,
    EvolvedPrompt,
    EvolveRecipe,
    EvolveReply,
    EvolveRun,
    JudgeCall,
    JudgeRun,
    Panel,
    Preference,
    PreferenceSet,
    Schedule,
)
from judges.similarity import runs
from judges.similarity.runs import similarity_life
from judges.similarity.terms import Terms
from ranking.boards import snapshots
from ranking.models import Leaderboard, Plan
from tests.annotation.study_pages import give_votes, study_of
from tests.annotation.worker_pages import join
from tests.judges.conftest import make_judge

PEOPLE = ("anonymous", "worker", "colleague", "outsider", "administrator")

SIGN_IN = "/sign-in/"
STUDIES = "/studies/"
OWN_PAGE = "/s/haiku/vote/"

SIGNED_IN = (SIGN_IN, SIGN_IN, 200, 200, 200)
OF_THE_STUDY = (SIGN_IN, SIGN_IN, 200, 404, 200)
OF_THE_OWNER = (SIGN_IN, SIGN_IN, 403, 404, 200)
POST_OF_THE_STUDY = (SIGN_IN, SIGN_IN, 405, 404, 405)
POST_OF_EVERYBODY = (405, 405, 405, 405, 405)
OF_THE_WORKER = (403, 200, 403, 403, 403)
SENDS_THE_WORKER_ON = (403, OWN_PAGE, 403, 403, 403)
OF_WHO_MAY_ADD_JUDGES = (SIGN_IN, SIGN_IN, 403, 403, 200)
POST_OF_WHO_MAY_ADD_JUDGES = (SIGN_IN, SIGN_IN, 403, 403, 405)
OF_SUPERUSERS = (SIGN_IN, SIGN_IN, 403, 403, 200)
POST_OF_SUPERUSERS = (SIGN_IN, SIGN_IN, 403, 403, 405)
OF_WHO_MADE_IT = (SIGN_IN, SIGN_IN, 404, 404, 404)
OF_A_LINK = (410, 410, 410, 410, 410)
OF_THE_PUBLISHED = (404, 404, 200, 404, 200)
API_OF_EVERYBODY = (200, 200, 200, 200, 200)
API_SIGNED_IN = (401, 401, 200, 200, 200)
API_OF_THE_STUDY = (401, 401, 200, 404, 200)
API_POST = (401, 401, 405, 405, 405)

GET = {
    "": (200, 200, STUDIES, STUDIES, STUDIES),
    "sign-in/": (200, 200, STUDIES, STUDIES, STUDIES),
    "sign-out/": POST_OF_EVERYBODY,
    "account/": SIGNED_IN,
    "accounts/": OF_SUPERUSERS,
    "accounts/<int:number>/link/": POST_OF_SUPERUSERS,
    "accounts/<int:number>/cancel/": POST_OF_SUPERUSERS,
    "accounts/<int:number>/deactivate/": POST_OF_SUPERUSERS,
    "accounts/<int:number>/reactivate/": POST_OF_SUPERUSERS,
    "choose-password/<str:uidb64>/<str:token>/": OF_A_LINK,
    "language/": (302, 302, 302, 302, 302),
    "help/": (200, 200, 200, 200, 200),
    "help/<path:name>/": (200, 200, 200, 200, 200),
    "studies/": SIGNED_IN,
    "new-study/": SIGNED_IN,
    "plans/": SIGNED_IN,
    "plans/<int:number>/": OF_WHO_MADE_IT,
    "plans/<int:number>/delete/": (SIGN_IN, SIGN_IN, 405, 405, 405),
    "plans/<int:number>/plan.json": OF_WHO_MADE_IT,
    "plans/<int:number>/votes.svg": OF_WHO_MADE_IT,
    "plans/<int:number>/votes.csv": OF_WHO_MADE_IT,
    "plans/<int:number>/ranks.csv": OF_WHO_MADE_IT,
    "studies/<slug:slug>/": OF_THE_STUDY,
    "studies/<slug:slug>/start/": OF_THE_STUDY,
    "studies/<slug:slug>/pause/": OF_THE_STUDY,
    "studies/<slug:slug>/close/": OF_THE_STUDY,
    "studies/<slug:slug>/goal/": OF_THE_STUDY,
    "studies/<slug:slug>/hide/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/delete/": OF_THE_OWNER,
    "studies/<slug:slug>/data/": OF_THE_STUDY,
    "studies/<slug:slug>/data/uploads/<int:number>/": OF_THE_STUDY,
    "studies/<slug:slug>/data/uploads/<int:number>/faults.csv": OF_THE_STUDY,
    "studies/<slug:slug>/data/uploads/<int:number>/cancel/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/data/uploads/<int:number>/whose/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/data/uploads/<int:number>/undo/": OF_THE_STUDY,
    "studies/<slug:slug>/data/flags/": OF_THE_STUDY,
    "studies/<slug:slug>/data/flags.csv": OF_THE_STUDY,
    "studies/<slug:slug>/pairs/": OF_THE_STUDY,
    "studies/<slug:slug>/pairs/add-models/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/pairs/coverage.csv": OF_THE_STUDY,
    "studies/<slug:slug>/pairs/runs/<int:number>/": OF_THE_STUDY,
    "studies/<slug:slug>/pairs/runs/<int:number>/cancel/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/settings/": OF_THE_STUDY,
    "studies/<slug:slug>/settings/pairs/": OF_THE_STUDY,
    "studies/<slug:slug>/settings/<slug:group>/": OF_THE_OWNER,
    "studies/<slug:slug>/workers/": OF_THE_STUDY,
    "studies/<slug:slug>/workers/approvals.txt": OF_THE_STUDY,
    # Without an amount, back to the page that asks for it.
    "studies/<slug:slug>/workers/bonuses.txt": (SIGN_IN, SIGN_IN, 302, 404, 302),
    "studies/<slug:slug>/workers.csv": OF_THE_STUDY,
    "studies/<slug:slug>/workers/<whole:number>/erase/": OF_THE_OWNER,
    "studies/<slug:slug>/workers/<whole:number>/exclude/": OF_THE_STUDY,
    "studies/<slug:slug>/workers/<whole:number>/include/": OF_THE_STUDY,
    "studies/<slug:slug>/workers/<whole:number>/link/": OF_THE_STUDY,
    "studies/<slug:slug>/workers/reports/": OF_THE_STUDY,
    "studies/<slug:slug>/workers/reports.csv": OF_THE_STUDY,
    "studies/<slug:slug>/workers/reports/<int:number>/settle/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/export/": OF_THE_STUDY,
    "studies/<slug:slug>/export/files/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/export/files/<int:number>/": OF_THE_STUDY,
    "studies/<slug:slug>/export/files/<int:number>/file/": OF_THE_STUDY,
    "studies/<slug:slug>/export/files/<int:number>/cancel/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/export/files/<int:number>/delete/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/export/<slug:what>/": OF_THE_STUDY,
    "prompt-sets/": SIGNED_IN,
    "prompt-sets/<slug:slug>/": OF_THE_STUDY,
    "prompt-sets/<slug:slug>/owner/": OF_THE_OWNER,
    "prompt-sets/<slug:slug>/readers/<int:number>/remove/": (SIGN_IN, SIGN_IN, 403, 404, 405),
    "prompt-sets/<slug:slug>/studies/<slug:study>/detach/": OF_THE_OWNER,
    "prompt-sets/<slug:slug>/studies/<slug:study>/attach/": (SIGN_IN, SIGN_IN, 403, 404, 405),
    "prompt-sets/<slug:slug>/evolve/": OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/lineage.jsonl": OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/runs/<int:number>/": OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/runs/<int:number>/calls/": OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/runs/<int:number>/calls.csv": OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/runs/<int:number>/pause/": POST_OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/runs/<int:number>/resume/": POST_OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/runs/<int:number>/cancel/": POST_OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/calls/<int:number>/": OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/review/": OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/review/reject-duplicates/": POST_OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/review/<int:number>/accept/": POST_OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/review/<int:number>/reject/": POST_OF_THE_STUDY,
    "prompt-sets/<slug:slug>/evolve/review/<int:number>/undo/": POST_OF_THE_STUDY,
    "s/<slug:slug>/": (200, OWN_PAGE, 200, 200, 200),
    "s/<slug:slug>/consent/": ("/s/haiku/", "/s/haiku/", "/s/haiku/", "/s/haiku/", "/s/haiku/"),
    "s/<slug:slug>/instructions/": OF_THE_WORKER,
    "s/<slug:slug>/begin/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/training/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/training/answer/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/training/proceed/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/vote/": OF_THE_WORKER,
    "s/<slug:slug>/vote/send/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/skip/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/undo/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/extend/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/report/": OF_THE_WORKER,
    "s/<slug:slug>/view/<slug:form>/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/done/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/finish/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/resume/": SENDS_THE_WORKER_ON,
    "s/<slug:slug>/withdraw/": OF_THE_WORKER,
    "s/<slug:slug>/own/<str:token>/": (403, 403, 403, 403, 403),
    "judges/": SIGNED_IN,
    "judges/new/": OF_WHO_MAY_ADD_JUDGES,
    "judges/<int:number>/": SIGNED_IN,
    "judges/<int:number>/anew/": (SIGN_IN, SIGN_IN, 403, 403, 405),
    "judges/<int:number>/benchmarks/": SIGNED_IN,
    "judges/<int:number>/benchmarks/new/": OF_WHO_MAY_ADD_JUDGES,
    "judges/<int:number>/benchmarks/<int:run>/": SIGNED_IN,
    "judges/<int:number>/benchmarks/<int:run>/pause/": POST_OF_WHO_MAY_ADD_JUDGES,
    "judges/<int:number>/benchmarks/<int:run>/resume/": POST_OF_WHO_MAY_ADD_JUDGES,
    "judges/<int:number>/benchmarks/<int:run>/cancel/": POST_OF_WHO_MAY_ADD_JUDGES,
    "judges/<int:number>/benchmarks/<int:run>/calls/": SIGNED_IN,
    "judges/<int:number>/benchmarks/<int:run>/calls.csv": SIGNED_IN,
    "judges/<int:number>/benchmarks/<int:run>/calls/<int:call>/": SIGNED_IN,
    "judges/<int:number>/benchmarks/<int:run>.csv": SIGNED_IN,
    "judges/<int:number>/benchmarks/<int:run>.json": SIGNED_IN,
    "judges/templates/": SIGNED_IN,
    "judges/templates/new/": OF_WHO_MAY_ADD_JUDGES,
    "judges/templates/<int:number>/": SIGNED_IN,
    "studies/<slug:slug>/mad/": OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/": OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/pause/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/resume/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/cancel/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/pairs/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/scores.csv": OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/calls/": OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/calls.csv": OF_THE_STUDY,
    "studies/<slug:slug>/mad/runs/<int:number>/tables/<int:table>/": OF_THE_STUDY,
    "studies/<slug:slug>/panels/": OF_THE_STUDY,
    "studies/<slug:slug>/panels/<int:number>/": OF_THE_STUDY,
    "studies/<slug:slug>/panels/<int:number>/decisions.csv": OF_THE_STUDY,
    "studies/<slug:slug>/panels/<int:number>/make/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/panels/<int:number>/end/": OF_THE_STUDY,
    "studies/<slug:slug>/judges/": OF_THE_STUDY,
    "studies/<slug:slug>/judges/runs/<int:number>/": OF_THE_STUDY,
    "studies/<slug:slug>/judges/runs/<int:number>/calls/": OF_THE_STUDY,
    "studies/<slug:slug>/judges/runs/<int:number>/calls.csv": OF_THE_STUDY,
    "studies/<slug:slug>/judges/runs/<int:number>/pause/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/judges/runs/<int:number>/resume/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/judges/runs/<int:number>/cancel/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/judges/schedules/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/judges/schedules/<int:number>/off/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/judges/<int:number>/steadiness/": OF_THE_STUDY,
    # Without rounds and scores there are no charts of them.
    "studies/<slug:slug>/judges/<int:number>/steadiness/rounds-<int:place>.svg": (SIGN_IN, SIGN_IN, 404, 404, 404),
    "grades/<slug:slug>/scores.svg": (404, 404, 404, 404, 404),
    "studies/<slug:slug>/judges/<int:number>/steadiness/rounds.csv": OF_THE_STUDY,
    "studies/<slug:slug>/judges/calls/<int:number>/": OF_THE_STUDY,
    "studies/<slug:slug>/answers/": OF_THE_STUDY,
    "studies/<slug:slug>/answers/system/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/answers/sources/new/": OF_THE_OWNER,
    "studies/<slug:slug>/answers/sources/<int:number>/": OF_THE_OWNER,
    "studies/<slug:slug>/answers/runs/<int:number>/": OF_THE_STUDY,
    "studies/<slug:slug>/answers/runs/<int:number>/turns/": OF_THE_STUDY,
    "studies/<slug:slug>/answers/runs/<int:number>/turns.csv": OF_THE_STUDY,
    "studies/<slug:slug>/answers/runs/<int:number>/pause/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/answers/runs/<int:number>/resume/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/answers/runs/<int:number>/cancel/": POST_OF_THE_STUDY,
    "studies/<slug:slug>/answers/talks/<int:number>/": OF_THE_STUDY,
    "grades/<slug:slug>/": OF_THE_PUBLISHED,
    "grades/<slug:slug>/scores.csv": OF_THE_PUBLISHED,
    "grades/<slug:slug>/pairs.csv": OF_THE_PUBLISHED,
    "grades/<slug:slug>/questions/": OF_THE_PUBLISHED,
    "grades/<slug:slug>/questions/<whole:number>/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/wins/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/wins.csv": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/agreement/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/agreement.csv": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/agreement.json": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/agreement.tex": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/agreement.md": OF_THE_PUBLISHED,
    # Without a kind of chart there is none.
    "leaderboard/<slug:slug>/agreement.svg": (404, 404, 404, 404, 404),
    "leaderboard/<slug:slug>/columns/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/columns.csv": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/columns.json": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/models/<whole:number>/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/models/<whole:number>/wins.csv": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/models/<whole:number>/ratings.svg": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/pairs/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/pairs/found.csv": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/pairs/<whole:number>/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/board.csv": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/board.json": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/compute/": POST_OF_EVERYBODY,
    "leaderboard/<slug:slug>/boards/<int:number>/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/boards/<int:number>/board.csv": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/boards/<int:number>/board.json": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/boards/<int:number>/paper/": OF_THE_PUBLISHED,
    "leaderboard/<slug:slug>/boards/<int:number>/paper/<str:name>": OF_THE_PUBLISHED,
    "api/": API_OF_EVERYBODY,
    "api/schema/": API_OF_EVERYBODY,
    "api/token/": SIGNED_IN,
    "api/token/revoke/": (SIGN_IN, SIGN_IN, 405, 405, 405),
    "api/prompt-sets/": API_SIGNED_IN,
    "api/prompt-sets/<slug:slug>/": API_OF_THE_STUDY,
    "api/prompt-sets/<slug:slug>/evolved/": API_OF_THE_STUDY,
    "api/studies/": API_OF_EVERYBODY,
    "api/studies/<slug:slug>/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/models/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/prompts/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/results/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/pairs/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/comparisons/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/training-answers/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/workers/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/exports/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/exports/<int:number>/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/exports/<int:number>/file/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/exports/<int:number>/cancel/": API_POST,
    "api/studies/<slug:slug>/leaderboards/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/leaderboards/<int:number>/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/agreement/": OF_THE_PUBLISHED,
    "api/judges/": API_SIGNED_IN,
    "api/judges/<int:number>/": API_SIGNED_IN,
    "api/judges/<int:number>/benchmarks/": API_SIGNED_IN,
    "api/judges/<int:number>/benchmarks/<int:run>/": API_SIGNED_IN,
    "api/judges/<int:number>/benchmarks/<int:run>/calls/": API_SIGNED_IN,
    "api/judges/<int:number>/benchmarks/<int:run>/calls/<int:call>/": API_SIGNED_IN,
    "api/studies/<slug:slug>/grades/": OF_THE_PUBLISHED,
    "api/studies/<slug:slug>/judge-runs/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/judge-runs/<int:number>/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/judge-runs/<int:number>/pause/": API_POST,
    "api/studies/<slug:slug>/judge-runs/<int:number>/resume/": API_POST,
    "api/studies/<slug:slug>/judge-runs/<int:number>/cancel/": API_POST,
    "api/studies/<slug:slug>/judge-runs/<int:number>/calls/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/judge-calls/<int:number>/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/judge-schedules/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/panels/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/panels/<int:number>/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/answer-runs/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/answer-runs/<int:number>/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/answer-runs/<int:number>/calls/": API_OF_THE_STUDY,
    "api/studies/<slug:slug>/answer-calls/<int:number>/": API_OF_THE_STUDY,
}
"""The response to each of PEOPLE for a GET of a private study's URLs: a status, or a redirect."""


def addresses(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[str]:
    """Returns every route of the site, except those of the Django admin."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, route)
        elif not route.startswith("admin/"):
            assert isinstance(pattern, URLPattern)
            yield route


def path_of(route: str, rows: dict[str, object]) -> str:
    for place, value in rows.items():
        route = route.replace(place, str(value))
    assert "<" not in route, f"the test does not know what to put into {route}"
    return f"/{route}"


@pytest.fixture
def study(owner, colleague):
    return study_of(owner, colleague)


@pytest.fixture
def people(study, colleague, outsider, administrator, as_user):
    drafts.draft_study(outsider, name="Other", slug="other", language="en", prompt_set=None)
    worker = Client()
    join(worker, study)
    worker.post("/s/haiku/begin/")
    return {
        "anonymous": Client(),
        "worker": worker,
        "colleague": as_user(colleague),
        "outsider": as_user(outsider),
        "administrator": as_user(administrator),
    }


@pytest.fixture
def rows(study):
    """Returns the parameters of the routes: rows of the study."""
    voted = give_votes(study, 4)
    now = timezone.now()
    for board in snapshots.recompute_changed(now):
        snapshots.fill(board, now)
    pair = Pair.objects.filter(study=study)[0]
    version = make_judge("http://127.0.0.1:9/v1").current
    run = JudgeRun.objects.create(study=study, version=version, created_at=now, state="cancelled")
    board = Leaderboard.objects.filter(study=study, method="bradley-terry")[0]
    call = JudgeCall.objects.create(run=run, version=version, pair=pair, left="x")
    asked = AnswerSource.objects.create(model=pair.model_x, endpoint="http://127.0.0.1:9/v1", api_id="x")
    answers = AnswerRun.objects.create(study=study, source=asked, created_at=now, state="cancelled")
    turn = AnswerCall.objects.create(run=answers, source=asked, prompt=pair.prompt)
    evolving, wrote = evolved_from(pair.prompt, asked)
    asked_of = question_of_a_benchmark(version)
    compared = runs.start(study, Terms(), None, now, detach=False)
    similarity_life.work(compared.pk)
    exported = jobs.export(study, None, layouts.request("comparisons", "", Selection()))
    numbers = {
        "mad/runs": compared.pk,
        "accounts": 1,
        "answers/sources": asked.model_id,
        "answers/runs": answers.pk,
        "answers/talks": turn.pk,
        "evolve/runs": evolving.pk,
        "evolve/calls": wrote.call_id,
        "evolve/review": wrote.pk,
        "judges": version.judge_id,
        "judges/templates": version.template_id,
        "judges/runs": run.pk,
        "judge-runs": run.pk,
        "answer-runs": answers.pk,
        "answer-calls": turn.pk,
        "judges/calls": call.pk,
        "judges/schedules": Schedule.objects.create(
            study=study, judge=version.judge, every=1, next_at=now, created_at=now
        ).pk,
        "judge-calls": call.pk,
        "readers": 1,
        "leaderboards": board.pk,
        "boards": board.pk,
        "export/files": exported.pk,
        "exports": exported.pk,
        "uploads": Upload.objects.create(study=study, state=UploadState.STORED).pk,
        "pairs/runs": PairRun.objects.create(study=study, strategy="all").pk,
        "reports": Report.objects.create(study=study, pair=pair, worker=voted, kind="other").pk,
        "models": pair.model_x.number,
        "panels": panel_of(study),
        "plans": Plan.objects.create(owner=study.owner, request={}, created_at=now).pk,
    }
    return {
        "<slug:slug>": study.slug,
        "<str:uidb64>": "MQ",
        "<slug:study>": study.slug,
        "<slug:group>": "access",
        "<slug:what>": "comparisons",
        "<slug:form>": "plain",
        "<str:token>": "forged",
        "<path:name>": "reference/exchange",
        "<str:name>": "board.tex",
        "<int:place>": 1,
        **{f"{kind}/<int:number>": f"{kind}/{number}" for kind, number in numbers.items()},
        "<int:run>": asked_of.run_id,
        "<int:table>": compared.tables.all()[0].pk,
        "<int:call>": asked_of.pk,
        "questions/<whole:number>": f"questions/{pair.prompt.number}",
        "workers/<whole:number>": f"workers/{voted.number}",
        "models/<whole:number>": f"models/{pair.model_x.number}",
        "pairs/<whole:number>": f"pairs/{pair.number}",
    }


def question_of_a_benchmark(version):
    known = Preference.objects.create(sha256="0", prompt_sha256="0", turns=[{"role": "user", "content": "?"}])
    kept = PreferenceSet.objects.create(name="known", sha256="0")
    kept.entries.create(preference=known, number=1)
    terms = {"state": "cancelled", "both_orders": True}
    run = BenchmarkRun.objects.create(version=version, created_at=timezone.now(), **terms)
    run.sets.add(kept)
    return run.calls.create(version=version, protocol=run.protocol, preference=known, shown="chosen-left")


def evolved_from(prompt, source):
    """Returns a run that is over, and what it wrote from `prompt`."""
    now = timezone.now()
    recipe = EvolveRecipe.objects.create(
        source=source, scenario="writing", version=1, form="prompt", seed=1, created_at=now
    )
    run = EvolveRun.objects.create(
        prompt_set=prompt.prompt_set, source=source, recipe=recipe, created_at=now, state="cancelled"
    )
    call = EvolveCall.objects.create(run=run, recipe=recipe, prompt=prompt, state="ok")
    reply = EvolveReply.objects.create(call=call, state="ok", request="{}", received_at=now)
    child = EvolvedPrompt.objects.create(
        prompt_set=prompt.prompt_set, call=call, reply=reply, written="New?", text="New?", created_at=now
    )
    return run, child


def panel_of(study):
    rater = Rater.objects.create(study=study, kind="judge", name="panel", derived=True)
    return Panel.objects.create(study=study, rater=rater, created_at=timezone.now()).pk


def test_every_address_stands_in_the_table():
    assert sorted(addresses()) == sorted(GET)


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_sees_what_they_may(person, people, rows):
    place = PEOPLE.index(person)
    seen, wanted = {}, {}
    for route, row in GET.items():
        response = people[person].get(path_of(route, rows))
        wanted[route] = row[place]
        seen[route] = response.status_code
        if isinstance(row[place], str):
            seen[route] = response.headers.get("Location", str(response.status_code)).partition("?")[0]
        response.getvalue()
    assert seen == wanted


STRANGERS = ("anonymous", "worker", "outsider")


@pytest.mark.parametrize("person", STRANGERS)
def test_nobody_else_changes_a_study_by_posting(person, people, rows, study):
    before = snapshot()
    for route in GET:
        if route.startswith("studies/<"):
            response = people[person].post(path_of(route, rows), {"reason": "x", "name": "Taken", "colleagues": person})
            assert response.status_code in {302, 404}, route
    assert snapshot() == before


def snapshot() -> list[object]:
    """Returns everything that an administrator's page could change."""
    tables = [Study, Pair, PairRun, Upload, Report, JudgeRun, AnswerRun, AnswerSource]
    return [list(table.objects.order_by("pk").values()) for table in tables] + [
        list(Study.objects.values_list("colleagues", "raters__excluded_at", "exits__code").order_by("pk", "raters"))
    ]


@pytest.mark.parametrize("kind", ["data/uploads/{}/", "pairs/runs/{}/", "data/uploads/{}/undo/"])
def test_rows_of_another_study_cannot_be_reached_by_their_number(kind, study, owner, as_user):
    other = drafts.draft_study(owner, name="Other", slug="other", language="en", prompt_set=None)
    upload = Upload.objects.create(study=other, state=UploadState.STORED)
    run = PairRun.objects.create(study=other, strategy="all")
    number = run.pk if "runs" in kind else upload.pk
    client = as_user(owner)
    assert client.get(f"/studies/other/{kind.format(number)}").status_code == 200
    assert client.get(f"/studies/{study.slug}/{kind.format(number)}").status_code == 404


@pytest.mark.parametrize("person", PEOPLE)
def test_the_admin_opens_for_staff_alone(person, people):
    for path in ("/admin/", "/admin/annotation/comparison/", "/admin/annotation/worker/"):
        response = people[person].get(path)
        assert response.status_code == (200 if person == "administrator" else 302), path


def test_everybody_sees_a_published_leaderboard(study, people):
    Study.objects.update(public=True)
    for person, client in people.items():
        assert client.get(f"/leaderboard/{study.slug}/").status_code == 200, person
