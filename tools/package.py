"""Builds what is deployed: `deployment.zip`, the same for all functions, and `sam.json`.

    python -m tools.package --stage dev --into build/package

Chalice packages a clean copy of the project, so that nothing of a developer's machine slips in.
"""

import argparse
import json
import os
import py_compile
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from chalice.package import TemplateDeepMerger

from tools.resources import FUNCTIONS, PROJECT, RESOURCES

ZIP = "deployment.zip"
TEMPLATE = "sam.json"
SHIPPED = ("app.py", "requirements.txt", "chalicelib")
STAGES = ("dev", "prod")

SERVICES = frozenset({"cognito-idp", "dynamodb", "kms", "s3", "sesv2", "sqs"})
"""Whose descriptions botocore keeps; those of all the others are nine tenths of the zip."""

# A zip that differs only in its times would replace every function at each deployment.
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
READABLE_BY_LAMBDA = 0o644 << 16
BYTES_IN_MB = 1_000_000


class PackageFailed(Exception):
    """Chalice did not make a whole package; the text is what it said."""


@dataclass(frozen=True)
class Package:
    """Where the two files are, and how big the zip is packed and unpacked."""

    zip_path: Path
    template_path: Path
    zip_bytes: int
    unpacked_bytes: int


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the package of a stage and say how big it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=STAGES, default="dev")
    parser.add_argument("--into", type=Path, default=PROJECT / "build" / "package")
    asked = parser.parse_args(arguments)
    made = build(asked.stage, asked.into)
    print(
        f"{made.zip_path}: {made.zip_bytes / BYTES_IN_MB:.1f} MB,"
        f" {made.unpacked_bytes / BYTES_IN_MB:.1f} MB unpacked"
    )
    print(made.template_path)


def build(stage: str, into: Path) -> Package:
    """Package the project for a stage; PackageFailed when a library has no fitting wheel."""
    with TemporaryDirectory(prefix="viberdesk-") as directory:
        source, out = Path(directory) / "source", Path(directory) / "out"
        _copy_sources(source)
        extras = Path(directory) / "extras.json"
        extras.write_text(json.dumps(extras_of(stage)), encoding="utf-8")
        _run_chalice(stage, source, extras, out)
        into.mkdir(parents=True, exist_ok=True)
        unpacked_bytes = _slim(out / ZIP, into / ZIP)
        shutil.copyfile(out / TEMPLATE, into / TEMPLATE)
    return Package(
        zip_path=into / ZIP,
        template_path=into / TEMPLATE,
        zip_bytes=(into / ZIP).stat().st_size,
        unpacked_bytes=unpacked_bytes,
    )


def extras_of(stage: str) -> dict[str, Any]:
    """Merge our resources with what finishes Chalice's own, for one stage and no other."""
    extras: dict[str, Any] = TemplateDeepMerger().merge(
        json.loads(FUNCTIONS.read_text(encoding="utf-8")),
        json.loads(RESOURCES.read_text(encoding="utf-8")),
    )
    # The functions carry the stage in their environment: a package of one stage can not be
    # deployed as the other.
    extras["Parameters"]["Stage"] |= {"Default": stage, "AllowedValues": [stage]}
    return extras


def _copy_sources(source: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
    source.mkdir()
    for name in SHIPPED:
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, source / name, ignore=ignored)
        else:
            shutil.copyfile(PROJECT / name, source / name)
    settings = source / ".chalice"
    settings.mkdir()
    for path in (PROJECT / ".chalice").glob("*.json"):
        shutil.copyfile(path, settings / path.name)


def _run_chalice(stage: str, source: Path, extras: Path, out: Path) -> None:
    chalice = Path(sys.executable).with_name("chalice")
    # Chalice imports app.py before it zips, and stops without a region though it calls nobody.
    environment = {"AWS_DEFAULT_REGION": "eu-central-1"} | os.environ
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    ran = subprocess.run(
        [chalice, "package", "--stage", stage, "--merge-template", extras, out],
        cwd=source,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    # Chalice only mentions a library it has no wheel for, and packages without it.
    if ran.returncode or "Could not install dependencies" in ran.stdout + ran.stderr:
        raise PackageFailed(ran.stdout + ran.stderr)


def _slim(original: Path, slimmed: Path) -> int:
    unpacked_bytes = 0
    with zipfile.ZipFile(original) as old, zipfile.ZipFile(slimmed, "w") as new:
        for name in _wanted(old.namelist()):
            contents = old.read(name)
            files = {name: contents}
            if name.endswith(".py"):
                files |= _compiled(name, contents)
            for each, data in files.items():
                entry = zipfile.ZipInfo(each, ZIP_TIME)
                entry.external_attr = READABLE_BY_LAMBDA
                new.writestr(entry, data, zipfile.ZIP_DEFLATED, compresslevel=9)
                unpacked_bytes += len(data)
    return unpacked_bytes


def _compiled(name: str, source: bytes) -> dict[str, bytes]:
    """Compile a module as Lambda's Python would at each cold start, having nowhere to keep it.

    The result is not compared with its source when it is imported, so it needs no file times.
    """
    folder, _, file_name = name.rpartition("/")
    module = f"{file_name.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"
    with TemporaryDirectory() as directory:
        path = Path(directory) / file_name
        path.write_bytes(source)
        try:
            made = py_compile.compile(
                str(path),
                cfile=f"{directory}/{module}",
                dfile=f"/var/task/{name}",
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except py_compile.PyCompileError:
            # A library may carry a template or a file for another Python.
            return {}
        return {f"{folder}/__pycache__/{module}".lstrip("/"): Path(str(made)).read_bytes()}


def _wanted(names: Iterable[str]) -> list[str]:
    return sorted(name for name in names if not name.endswith("/") and not _is_spare(name))


def _is_spare(name: str) -> bool:
    # botocore/data/<service>/<version>/… is read when a client of that service is made; the
    # files right under data/ (endpoints, retries, defaults) are read for all.
    match name.split("/"):
        case ["botocore", "data", service, _, *_]:
            return service not in SERVICES
    return False


if __name__ == "__main__":
    main()
