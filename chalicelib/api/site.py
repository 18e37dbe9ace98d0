"""The console's and the documentation's files, as they lie beside this package."""

import functools
from pathlib import Path

from chalice.app import Response

from chalicelib import config, errors
from chalicelib.web import Call, Empty, Headers, Nouns

nouns = Nouns()

HERE = Path(__file__).parent.parent / "console"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


@nouns.route_to("GET", "/", roles=None, answer=None)
def show_root(call: Call[Empty, Empty]) -> Response:
    """Lead to the console."""
    return Response("", status_code=302, headers={"Location": "console"})


@nouns.route_to("GET", "/console", roles=None, answer=None)
def show_console(call: Call[Empty, Empty]) -> Response:
    """Show the console."""
    return _file("index.html")


@nouns.route_to("GET", "/docs", roles=None, answer=None)
def show_docs(call: Call[Empty, Empty]) -> Response:
    """Show the API to people."""
    return _file("docs.html")


@nouns.route_to("GET", "/console/{name}", roles=None, answer=None)
def show_console_file(call: Call[Empty, Empty], name: str) -> Response:
    """Give one of the console's files."""
    return _file(name)


@nouns.route_to("GET", "/console/vendor/{name}", roles=None, answer=None)
def show_vendor_file(call: Call[Empty, Empty], name: str) -> Response:
    """Give one of the libraries that the console carries."""
    return _file(f"vendor/{name}")


def _file(name: str) -> Response:
    if name not in _names():
        raise errors.NotFound("There is no such file.")
    path = HERE / name
    headers: Headers = {
        "Content-Type": MEDIA_TYPES[path.suffix],
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _csp(),
    }
    return Response(path.read_text(encoding="utf-8"), headers=headers)


@functools.cache
def _names() -> frozenset[str]:
    found = (path for path in HERE.rglob("*") if path.suffix in MEDIA_TYPES)
    return frozenset(path.relative_to(HERE).as_posix() for path in found)


@functools.cache
def _csp() -> str:
    files = config.files_origin()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "connect-src 'self'",
            f"img-src 'self' data: blob: {files}",
            f"media-src 'self' blob: {files}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
