"""Our copies of pictures and files."""

from datetime import datetime

import msgspec

from chalicelib import files
from chalicelib.web import AGENTS, Call, Empty, Nouns

nouns = Nouns()


class FileOut(msgspec.Struct, frozen=True):
    """Where a copy can be fetched, until `expires_at`."""

    url: str
    media_type: str
    size_bytes: int
    expires_at: datetime


@nouns.route_to(
    "GET",
    "/v1/files/{file_id}",
    roles=AGENTS,
    scope="tickets:read",
    answer=FileOut,
    problems=(404,),
)
def show_file(call: Call[Empty, Empty], file_id: str) -> FileOut:
    """Give an address that opens one of our copies for a quarter of an hour."""
    return FileOut(*files.link(call.account_id, file_id, now=call.now))
