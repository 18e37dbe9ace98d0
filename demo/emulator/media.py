"""Pictures and files the phones show and send, all made here so that nothing is fetched."""

import hashlib
import mimetypes
import struct
import zlib
from functools import cache
from pathlib import PurePosixPath

from demo.emulator.world import Missing

INLINE = ("image/", "video/", "audio/", "text/plain", "application/pdf")
SAMPLE_NAMES = {"picture": "balcony.png", "file": "замовлення.txt", "video": "clip.mp4"}
RGB = tuple[int, int, int]


class MediaShelf:
    """Files by id and name; `avatar-…` and `sample` make theirs when asked."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, str], bytes] = {}
        self._made = 0

    def add(self, name: str, data: bytes) -> str:
        """Keep a file; return its path below /media/."""
        name = PurePosixPath(name).name or "file.bin"
        self._made += 1
        media_id = hashlib.sha256(f"{self._made}".encode() + data).hexdigest()[:16]
        self._files[media_id, name] = data
        return f"{media_id}/{name}"

    def remove(self, media_id: str) -> None:
        """Let a file's link die, as Viber's do; raise Missing."""
        names = [key for key in self._files if key[0] == media_id]
        if not names:
            raise Missing(f"medium {media_id!r}: not found")
        for key in names:
            del self._files[key]

    def get(self, media_id: str, name: str) -> tuple[bytes, str]:
        """Give a file's bytes and media type; raise Missing."""
        if media_id.startswith("avatar-"):
            return avatar(media_id), "image/png"
        if media_id == "sample" and name in SAMPLE_NAMES.values():
            data = sample(name)
        elif (media_id, name) in self._files:
            data = self._files[media_id, name]
        else:
            raise Missing(f"medium {media_id}/{name}: not found")
        guess = mimetypes.guess_type(name)[0] or ""
        # An uploaded page must not run in the phone page's origin.
        return data, guess if guess.startswith(INLINE) else "application/octet-stream"


@cache
def sample(name: str) -> bytes:
    """Make a built-in file."""
    suffix = PurePosixPath(name).suffix
    if suffix == ".png":
        return _landscape(480, 320)
    if suffix == ".mp4":
        return _box(b"ftyp", b"isom\0\0\2\0isommp41") + _box(b"free", bytes(2000))
    return "Замовлення № 1045\nКава мелена, 2 × 189,00 грн\nРазом: 378,00 грн ☕\n".encode()


@cache
def avatar(seed: str) -> bytes:
    """Draw a mirrored pattern of blocks that is always the same for the same person."""
    digest = hashlib.sha256(seed.encode()).digest()
    fore: RGB = (96 + digest[0] // 2, 60 + digest[1] // 2, 110 + digest[2] // 2)
    back: RGB = (236, 233, 246)
    rows = []
    for y in range(120):
        row: list[RGB] = []
        for x in range(120):
            column, line = (x - 10) // 20, (y - 10) // 20
            inside = 0 <= column < 5 and 0 <= line < 5
            filled = inside and digest[3 + line * 3 + min(column, 4 - column)] % 2
            row.append(fore if filled else back)
        rows.append(row)
    return png(rows)


def png(rows: list[list[RGB]]) -> bytes:
    """Write an RGB picture as PNG."""
    lines = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _landscape(width: int, height: int) -> bytes:
    """Draw a sun above two hills."""
    rows = []
    for y in range(height):
        row: list[RGB] = []
        for x in range(width):
            if y > 250 - (x - 330) ** 2 // 900:
                row.append((70, 130 - y // 8, 84))
            elif y > 235 - (x - 110) ** 2 // 500:
                row.append((104, 168 - y // 8, 96))
            elif (x - 360) ** 2 + (y - 80) ** 2 < 1600:
                row.append((255, 214, 102))
            else:
                row.append((130 + y // 3, 170 + y // 5, 235))
        rows.append(row)
    return png(rows)


def _box(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", 8 + len(data)) + kind + data
