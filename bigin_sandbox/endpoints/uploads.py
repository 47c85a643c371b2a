"""`POST /upload`: the file of a Bulk Write job. In Bigin it stands on a content host of its own.

What is wrong with the file comes with HTTP 200 (FACTS 5), missing headers in an envelope that no other
call has (write.md 10.1).
"""

from __future__ import annotations

import zipfile
from io import BytesIO

from bigin_sandbox.clock import in_zone, to_text
from bigin_sandbox.http.answers import Answer, error_body, json_answer
from bigin_sandbox.http.calls import ApiCall, Route, UploadedFile
from bigin_sandbox.rules.bulk_write.upload import MAX_BYTES

BAD_HEADERS = {
    "ERROR_CODE": 400,
    "ERROR_MESSAGE": "Bad Request",
    "x-error": "check if headers [feature, X-CRM-ORG] are present and valid",
}


def upload_file(call: ApiCall) -> Answer:
    """Keep a zip; gives `details.file_id`."""
    organisation = call.store.org()["zgid"]
    if call.headers.get("feature") != "bulk-write" or call.headers.get("x-crm-org") != organisation:
        return json_answer(BAD_HEADERS, 400)
    created_time = in_zone(to_text(call.context.clock.now()), call.zone)
    file = call.form.get("file")
    if not isinstance(file, UploadedFile) or not zipfile.is_zipfile(BytesIO(file.content)):
        message = "invalid file format. only zip format is supported"
        return json_answer(error_body("INVALID_FILE_FORMAT", message, {"created_time": created_time}))
    if len(file.content) > MAX_BYTES:
        message = "File size too large to process"
        return json_answer(error_body("FILE_TOO_LARGE", message, {"created_time": created_time}))
    file_id = call.store.put_file(file.name, file.content)
    success = {"status": "success", "code": "FILE_UPLOAD_SUCCESS", "message": "file uploaded."}
    return json_answer({**success, "details": {"file_id": file_id, "created_time": created_time}})


ROUTES = [Route("POST", "/upload", upload_file, scopes=("ZohoFiles.files.ALL",))]
