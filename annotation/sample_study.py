"""Installs the bundled sample study."""

import tomllib
from pathlib import Path
from typing import Final

from django.conf import settings

from annotation.importing import load
from annotation.models import Status, Study
from annotation.pair_making import make
from annotation.studies import lifecycle

FOLDER: Final[Path] = settings.BASE_DIR / "sample"


def install_sample(folder: Path = FOLDER) -> Study:
    """Loads the study in `folder`, makes its pairs and opens it with public results.

    A study that has been opened is returned unchanged, because it belongs to the site's administrators. After an
    interrupted run, the next one completes the installation.
    """
    about = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
    study = Study.objects.filter(slug=about["slug"]).first()
    if study is not None and study.status != Status.DRAFT:
        return study
    load.load(sorted(folder.glob("*.jsonl")), study_slug=about["slug"], seed=0)
    study = Study.objects.select_related("prompt_set").get(slug=about["slug"])
    make.make_pairs(study, about["strategy"])
    study = lifecycle.change_settings(study, {"name": about["name"], **about["settings"]})
    return lifecycle.start(study)
