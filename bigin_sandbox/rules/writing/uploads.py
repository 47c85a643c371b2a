"""What may be uploaded beside a record. Source: FACTS 5 (attachments); write.md 9."""

from __future__ import annotations

from bigin_sandbox.http.answers import Refusal, invalid_data
from bigin_sandbox.http.calls import ApiCall, UploadedFile

MOST_BYTES = 20 * 1024 * 1024


def uploaded(call: ApiCall) -> list[UploadedFile]:
    """The files of a multipart body. Raises Refusal where there is none, or one is over 20 MB."""
    files = [part for part in call.files if part.name]
    if not files:
        raise invalid_data("failure in attachment handling", param_name="file")
    if any(len(part.content) > MOST_BYTES for part in files):
        message = "The file size is more than the allowed size"
        raise Refusal(400, "FILE_SIZE_MORE_THAN_ALLOWED_SIZE", message, {"maximum_size": MOST_BYTES})
    return files
