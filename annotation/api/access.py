"""What every address of the API has in common: who may see what, and what may be asked.

It is the same as on the pages: a study exists for those who run it, and its results for everybody where
they are public. To everybody else it is not there (404).
"""

from functools import cached_property
from typing import Any, ClassVar, Final

from django.views.decorators.http import conditional_page
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.views import APIView

from annotation.api.paging import Query
from annotation.models import Status, Study

SETTLED: Final = (Status.DRAFT, Status.CLOSED)
"""Nobody votes in such a study; a draft has results where its votes are from elsewhere."""


class ApiView(APIView):
    """An address; `query` says which parameters it takes."""

    query: ClassVar[type[Query]] = Query
    of_the_public: ClassVar[bool] = False
    """Whether it answers those who have not signed in as well."""
    once_settled: ClassVar[bool] = False
    """The same of a study that nobody is voting in."""

    @classmethod
    def as_view(cls, **options: Any) -> Any:
        """With an ETag: what has not changed since is not sent again."""
        return conditional_page(super().as_view(**options))

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny() if self.of_the_public or self.once_settled else IsAuthenticated()]

    def asked(self) -> dict[str, Any]:
        """The parameters of the address, checked."""
        read = self.query(data=self.request.query_params.dict())
        read.is_valid(raise_exception=True)
        found: dict[str, Any] = read.validated_data
        return found


class StudyView(ApiView):
    """An address below a study: for those who run it, and for everybody where its results are public, if those
    are what it is about (`of_the_public`).

    What was compared, and how, is told to everybody `once_settled` alone: while people vote, nobody shall find
    out here which models wrote the answers before them.
    """

    request: Request

    @cached_property
    def own(self) -> Study | None:
        """The study, if whoever asks runs it."""
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
        """
        Raises:
            NotFound: whoever asks does not see the study.
            PermissionDenied: they see it because it is public.
        """
        if self.study != self.own:
            raise PermissionDenied
