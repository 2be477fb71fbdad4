"""Reads pages of a migrated installation as its owner and as a stranger, for test_old_installations.py."""

import json

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402  Django has to be set up first
from django.test import Client  # noqa: E402

from annotation.models import Comparison, Study  # noqa: E402
from judges.models import JudgeCall, JudgeRun  # noqa: E402
from ranking.models import BoardRequest, Leaderboard, key_of  # noqa: E402

study = Study.objects.get(slug="old")
# The test client's own host name is not among ALLOWED_HOSTS.
owner, stranger = Client(SERVER_NAME="localhost"), Client(SERVER_NAME="localhost")
owner.force_login(User.objects.get(username="olga"))
runs = list(JudgeRun.objects.order_by("pk"))
addresses = [
    "/studies/old/",
    "/studies/old/data/",
    "/studies/old/pairs/",
    "/studies/old/workers/",
    "/studies/old/judges/",
    *(f"/studies/old/judges/runs/{run.pk}/calls/" for run in runs),
    *(f"/studies/old/judges/calls/{call.pk}/" for call in JudgeCall.objects.order_by("pk")),
    "/leaderboard/old/agreement/",
    "/leaderboard/old/columns/",
    "/leaderboard/old/pairs/",
    "/studies/old/export/comparisons/",
]
boards = Leaderboard.objects.exclude(method__in=["agreement", "columns"])
public = ["/leaderboard/old/", *(f"/leaderboard/old/boards/{board.pk}/" for board in boards.filter(state="ready"))]
print(
    json.dumps(
        {
            "statuses": {address: owner.get(address).status_code for address in addresses}
            | {address: stranger.get(address).status_code for address in public},
            "board": stranger.get("/leaderboard/old/board.json").json()["groups"][0]["rows"][0]["model"],
            "impossible": stranger.get("/leaderboard/old/?raters=nobody").content.decode(),
            "calls": [owner.get(address).content.decode() for address in addresses if "/judges/calls/" in address],
            "comparisons": Comparison.objects.count(),
            "keys": sorted(
                {
                    row.key == key_of(row.asked_filters(), row.asked_settings())
                    for row in [*boards, *BoardRequest.objects.all()]
                }
            ),
        }
    )
)
