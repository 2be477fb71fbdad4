"""Compares evolved prompts with the prompts of their set and with one another."""

from itertools import batched
from typing import Final

from annotation.models import Prompt, PromptSet
from judges.evolve import duplicates
from judges.evolve.duplicates import NEAR, Known
from judges.models import Duplicate, EvolvedPrompt

type _Key = tuple[bool, int]
"""Whether it is an evolved prompt, and the primary key."""

AT_ONCE: Final = 200
"""Evolved prompts compared before their similarities are stored."""


class Comparer:
    """The texts of a set, read once: each call reads only what has been added since."""

    def __init__(self, prompt_set: PromptSet) -> None:
        self._prompt_set = prompt_set
        self._known: Known[_Key] = Known()
        self._prompts: dict[str, int] = {}
        self._children: set[int] = set()
        self._last_prompt = 0

    def read_prompts(self) -> None:
        """Reads the prompts that were added to the set."""
        rows = Prompt.objects.filter(prompt_set=self._prompt_set, pk__gt=self._last_prompt).order_by("pk")
        for key, text, written in rows.values_list("pk", "text", "evolved__written"):
            self._last_prompt = key
            self._prompts.setdefault(duplicates.fingerprint(text), key)
            # An evolved prompt that was accepted as it was written is among the evolved ones.
            if text != written:
                self._known.add((False, key), text)

    def prompt_with(self, fingerprint: str) -> int | None:
        """Returns the primary key of the set's first prompt with this fingerprint, of those that have been read."""
        return self._prompts.get(fingerprint)

    def compare(self) -> int:
        """Finds the most similar prompt for each evolved prompt that has none yet; returns how many there were.

        Each is compared with the set and with those compared before it, so that of two near duplicates the later one is
        marked. Exact duplicates are not compared with: whatever they are duplicates of is there.
        """
        found = EvolvedPrompt.objects.filter(prompt_set=self._prompt_set).not_compared().order_by("pk")
        count = 0
        while some := list(found.only("pk", "written")[:AT_ONCE]):
            self.read_prompts()
            self._read_children()
            for child in some:
                self._compare(child)
                self._add(child.pk, child.written)
            count += len(some)
        return count

    def _read_children(self) -> None:
        """Reads the evolved prompts that were compared, perhaps by another process."""
        rows = EvolvedPrompt.objects.filter(prompt_set=self._prompt_set, similarity__isnull=False)
        rows = rows.exclude(duplicate=Duplicate.EXACT)
        fresh = set(rows.values_list("pk", flat=True)) - self._children
        for some in batched(sorted(fresh), AT_ONCE, strict=False):
            for key, written in rows.filter(pk__in=some).values_list("pk", "written"):
                self._add(key, written)

    def _add(self, key: int, written: str) -> None:
        self._children.add(key)
        self._known.add((True, key), written)

    def _compare(self, child: EvolvedPrompt) -> None:
        nearest = self._known.nearest(child.written)
        rows = EvolvedPrompt.objects.filter(pk=child.pk, similarity=None)
        if nearest is None:
            rows.update(similarity=0.0)
            return
        evolved, key = nearest.key
        like = {"like": key} if evolved else {"like_prompt": key}
        kind = Duplicate.NEAR if nearest.similarity >= NEAR else Duplicate.NONE
        rows.update(similarity=nearest.similarity, duplicate=kind, **like)
