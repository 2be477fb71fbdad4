"""Access rules and parameters that all views of the API share.

The rules are those of the pages: people who manage a study see all of it, and everybody sees its results if
they are public. For everybody else the study does not exist (404).
"""

from functools import cached_property
from typing import Any, ClassVar, Final

from django.views.decorators.http import conditional_page
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation.api.paging import Body, Query
from annotation.models import Status, Study

SETTLED: Final = (Status.DRAFT, Status.CLOSED)
"""Nobody votes in these studies. A draft has results if its votes were imported."""

ONCE_SETTLED: Final = "Others read those of a public study only while nobody votes: as a draft, or after it has closed."
"""What the reference says of lists that are public only then."""


class ApiView(APIView):
    """A view of the API; `query` defines its parameters."""

    query: ClassVar[type[Query]] = Query
    of_the_public: ClassVar[bool] = False
    """Whether people who are not signed in may see it, if the study's results are public."""
    once_settled: ClassVar[bool] = False
    """Like `of_the_public`, but only while nobody votes in the study."""

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
    models wrote the answers in front of them.
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
            return self.own
        public = Study.objects.public() if self.of_the_public or self.once_settled else Study.objects.none()
        if not self.of_the_public:
            public = public.filter(status__in=SETTLED)
        found = public.select_related("prompt_set").filter(slug=self.kwargs["slug"]).first()
        if found is None:
            raise NotFound
        return found

    def need_to_run_it(self) -> None:
        """Refuses users who do not manage the study.

        Raises:
            NotFound: the user cannot see the study.
            PermissionDenied: the user sees the study only because it is public.
        """
        if self.study != self.own:
            raise PermissionDenied
