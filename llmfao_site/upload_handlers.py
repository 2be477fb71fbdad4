"""Upload handlers."""

from pathlib import Path
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload, TemporaryFileUploadHandler


class SignedInOnly(FileUploadHandler):
    """Stops reading at the first file if the user is not signed in.

    The CSRF check reads the body before any view: without this handler, a stranger could fill the disk by sending
    files to any URL.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        user = getattr(self.request, "user", None)
        if user is None or not user.is_authenticated:
            raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None


class NamelessFile(TemporaryFileUploadHandler):
    """Streams files to the disk without leaving a name there, so nothing stays behind a crash.

    A full disk is freed at once, and not when the error has been told.
    """

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        Path(self.file.temporary_file_path()).unlink()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        try:
            super().receive_data_chunk(raw_data, start)
        except OSError:
            # The file has no name any more: closing it frees its space.
            self.file.close()
            raise
