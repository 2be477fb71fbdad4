"""Gives stored boards and requests their new keys, into which what stands at its default does not enter."""

import hashlib
import json
from collections import defaultdict

from django.db import migrations
from django.db.models import Min

FILTERS = {"raters": "people", "category": None, "reading": "forced", "inconsistent": "drop"}
SETTINGS = {
    "method": "bradley-terry",
    "ties": None,
    "intervals": "sandwich",
    "clusters": None,
    "correction": "CR3",
    "simultaneous": False,
    "first_place": False,
    "anchor": None,
    "rounds": 1000,
    "redraw": None,
    "baseline": None,
    "seed": 0,
}
BATCH = 500


def digest(filters, settings):
    anchor = settings.get("anchor")
    if anchor:
        # PostgreSQL stores some floats as whole numbers.
        settings = {**settings, "anchor": [anchor[0], float(anchor[1])]}
    return hashlib.sha256(json.dumps([filters, settings], sort_keys=True).encode()).hexdigest()


def chosen(stored, defaults):
    return {name: value for name, value in stored.items() if name not in defaults or value != defaults[name]}


def short(filters, settings):
    return digest(chosen(filters, FILTERS), chosen(settings, SETTINGS))


def long(filters, settings):
    return digest({**FILTERS, **filters}, {**SETTINGS, **settings})


def kinds(rows):
    """Each study and key that is stored, with what it stands for."""
    # Not their sheets, and one row of each kind: there may be a board for every minute of a week.
    first = rows.order_by().values("study", "key").annotate(first=Min("pk")).values_list("first", flat=True)
    keys = list(first)
    for start in range(0, len(keys), BATCH):
        some = rows.filter(pk__in=keys[start : start + BATCH]).order_by("pk")
        yield from some.values_list("study", "key", "filters", "settings")


def rekey_boards(boards, key_of):
    """Boards that are of one kind now, as a field that is at its default was not stored yet, get numbers in a row."""
    found = defaultdict(list)
    for study, key, filters, settings in kinds(boards):
        found[study, key_of(filters, settings)].append(key)
    for (study, new), olds in found.items():
        if len(olds) == 1:
            boards.filter(study=study, key=olds[0]).update(key=new)
            continue
        rows = boards.filter(study=study, key__in=olds)
        waiting = rows.filter(state__in=["waiting", "computing"]).order_by("-pk")
        # One at a time is computed. Of the others there is nothing but the wish.
        rows.filter(pk__in=list(waiting.values_list("pk", flat=True)[1:])).delete()
        for number, pk in enumerate(list(rows.order_by("pk").values_list("pk", flat=True)), 1):
            boards.filter(pk=pk).update(key=new, number=number)


def rekey_requests(requests, key_of):
    found = defaultdict(list)
    for study, key, filters, settings in kinds(requests):
        found[study, key_of(filters, settings)].append(key)
    for (study, new), olds in found.items():
        latest, *others = requests.filter(study=study, key__in=olds).order_by("-asked_at", "-pk")
        requests.filter(pk__in=[row.pk for row in others]).delete()
        requests.filter(pk=latest.pk).update(key=new)


def rekey(apps, schema_editor, key_of):
    alias = schema_editor.connection.alias
    rekey_boards(apps.get_model("ranking", "Leaderboard").objects.using(alias), key_of)
    rekey_requests(apps.get_model("ranking", "BoardRequest").objects.using(alias), key_of)


def shorten(apps, schema_editor):
    rekey(apps, schema_editor, short)


def lengthen(apps, schema_editor):
    rekey(apps, schema_editor, long)


class Migration(migrations.Migration):
    dependencies = [
        ("ranking", "0006_delete_kept_counts_and_marks"),
    ]

    operations = [
        migrations.RunPython(shorten, lengthen),
    ]
