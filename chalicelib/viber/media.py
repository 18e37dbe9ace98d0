"""Pictures, videos and files: what their addresses and names must end in."""

from chalicelib.viber.limits import Unsendable, check_https

PICTURE_EXTENSIONS = frozenset({"jpg", "jpeg", "png", "gif"})
VIDEO_EXTENSIONS = frozenset({"mp4"})
VIDEO_THUMBNAIL_EXTENSIONS = frozenset({"jpg", "jpeg"})
# Viber: its list of forbidden file formats. "inf1" stands there for Windows' inf.
FORBIDDEN_EXTENSIONS = frozenset(
    {
        "action",
        "apk",
        "app",
        "bat",
        "bin",
        "cmd",
        "com",
        "command",
        "cpl",
        "csh",
        "exe",
        "gadget",
        "inf",
        "inf1",
        "ins",
        "inx",
        "ipa",
        "isu",
        "job",
        "jse",
        "ksh",
        "lnk",
        "msc",
        "msi",
        "msp",
        "mst",
        "osx",
        "out",
        "paf",
        "pif",
        "ps1",
        "reg",
        "rgs",
        "run",
        "sct",
        "shb",
        "shs",
        "u3p",
        "vb",
        "vbe",
        "vbs",
        "vbscript",
        "workflow",
        "ws",
        "wsf",
    }
)


def check_media(url: str, field: str, extensions: frozenset[str]) -> None:
    """Check that this is an https address whose path ends in one of these extensions."""
    if _extension(check_https(url, field)) not in extensions:
        raise Unsendable(
            field,
            f"the address must end in .{', .'.join(sorted(extensions))}; Viber takes no other",
        )


def check_file_extension(path: str, field: str) -> None:
    """Check that a file's name or path has an extension, and none that Viber forbids."""
    extension = _extension(path)
    if not extension:
        raise Unsendable(field, "the file needs an extension such as .pdf at its end")
    if extension in FORBIDDEN_EXTENSIONS:
        raise Unsendable(field, f"Viber forbids files that end in .{extension}")


def _extension(path: str) -> str:
    stem, dot, extension = path.rpartition("/")[2].rpartition(".")
    # Windows drops dots and blanks at the end of a name: "a.exe." is a program.
    if dot and not extension.strip(". "):
        return _extension(stem.rstrip(". "))
    return extension.strip().lower() if stem and dot else ""
