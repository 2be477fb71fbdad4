"""Streamed file downloads, such as the CSV of every table."""

from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

from annotation.interchange.tables import csv_line

type Cell = str | float | bool | None


def download(lines: Iterable[str], name: str, content_type: str = "text/csv; charset=utf-8") -> StreamingHttpResponse:
    """Streams `lines` as the file `name`."""
    return StreamingHttpResponse(
        lines,
        headers={
            "Content-Type": content_type,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
        },
    )


def csv_download(columns: Iterable[str], rows: Iterable[Iterable[Cell]], name: str) -> StreamingHttpResponse:
    """Streams `rows` as a CSV file with the header `columns`."""

    def lines() -> Iterator[str]:
        yield csv_line(columns)
        for row in rows:
            yield csv_line(row)

    return download(lines(), name)
