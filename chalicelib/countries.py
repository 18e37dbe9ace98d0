"""Countries by their ISO 3166-1 alpha-2 codes, from the table that comes with the time zones."""

from functools import cache


@cache
def codes() -> frozenset[str]:
    """Give the code of every country there is, such as `UA`."""
    from importlib.resources import files

    table = files("tzdata").joinpath("zoneinfo", "iso3166.tab").read_text("utf-8")
    lines = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return frozenset(code for code, *_ in lines)
