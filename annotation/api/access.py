"""Access rules and parameters that all views of the API share.

The rules are those of the pages: people who manage a study see its settings, workers and votes, and, if they may read
its prompt set, what was compared. Everybody sees its results if they are public. For everybody else the study does not
exist (404).
"""

from functools import cached_property
from typing import Any, ClassVar, Final

from django.views.decorators.http import conditional_page
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation.api.paging import Body, Query
from annotation.models import Study
from annotation.models.study import StudyQuerySet
from annotation.studies.prompt_sets import no_access

ONCE_SETTLED: Final = (
    "Others read those of a public study only while nobody votes: as a draft or after it has closed, and while no "
    "other study on its prompt set is open or paused."
)
"""What the reference says of lists that are public only then."""

AS_SHOWN: Final = (
    "Others read answers without the model’s reasoning if the study does not show it; people who manage the study and "
    "may read its prompt set get them as stored."
)
"""What the reference says of lists with answers."""


class ApiView(APIView):
    """A view of the API; `query` defines its parameters."""

    query: ClassVar[type[Query]] = Query
    of_the_public: ClassVar[bool] = False
    """Whether people who are not signed in may see it, if the study's results are public."""
    once_settled: ClassVar[bool] = False
    """Like `of_the_public`, but only while nobody votes in any study on the prompt set."""
    with_texts: ClassVar[bool] = False
    """Whether it tells which model wrote an answer, so that people who manage the study also need the prompt set."""

    @classmethod
    def as_view(cls, **options: Any) -> Any:
        """Adds ETags, so that an unchanged response is not sent again."""
        return conditional_page(super().as_view(**options))

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.of_the_public or self.once_settled else IsAuthenticated()]

    def asked(self) -> dict[str, Any]:
        """Returns the validated query parameters."""
        read = self.query(data=self.request.query_params.dict())
        read.is_valid(raise_exception=True)
        found: dict[str, Any] = read.validated_data
        return found

    def sent(self, body: type[Body] = Body) -> dict[str, Any]:
        """Returns the validated body; by default there must be none."""
        read = body(data=self.request.data)
        read.is_valid(raise_exception=True)
        found: dict[str, Any] = read.validated_data
        return found


class StudyView(ApiView):
    """A view of one study, for the people who manage it; with `of_the_public` for everybody, if the results are public.

    Data on what was compared is public only `once_settled`: while people vote, nobody can find out here which
    models wrote the answers in front of them. See `StudyQuerySet.readable_by` and `texts_public`.
    """

    request: Request

    @cached_property
    def own(self) -> Study | None:
        """Returns the study if the user manages it, else None."""
        studies = Study.objects.visible_to(self.request.user).select_related("prompt_set")
        return studies.filter(slug=self.kwargs["slug"]).first()

    @cached_property
    def study(self) -> Study:
        if self.own is not None:
            if self.with_texts and not self._public.exists():
                self.need_to_read_it()
            return self.own
        found = self._public.select_related("prompt_set").first()
        if found is None:
            raise NotFound
        return found

    @cached_property
    def reads(self) -> bool:
        """Returns whether the user manages the study and may read its prompt set."""
        return Study.objects.readable_by(self.request.user).filter(pk=self.study.pk).exists()

    @property
    def _public(self) -> StudyQuerySet:
        """Returns the study if everybody may see this view of it."""
        found = Study.objects.filter(slug=self.kwargs["slug"])
        if self.of_the_public:
            return found.public()
        return found.texts_public() if self.once_settled else found.none()

    def need_to_run_it(self) -> None:
        """Refuses users who do not manage the study.

        Raises:
            NotFound: the user cannot see the study.
            PermissionDenied: the user sees the study only because it is public.
        """
        if self.study != self.own:
            raise PermissionDenied

    def need_to_read_it(self) -> None:
        """Refuses users who do not manage the study, or may not read its prompt set.

        Raises:
            PermissionDenied: the message says whom to ask.
        """
        if self.own is None:
            raise PermissionDenied
        if not Study.objects.readable_by(self.request.user).filter(pk=self.own.pk).exists():
            raise PermissionDenied(no_access(self.own))
