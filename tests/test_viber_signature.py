import pytest

from chalicelib.viber.signature import is_true, sign

# The vector that Viber's Python and Java libraries publish.
KEY = "44dafb7e0f40021e-61a47a1e6778d187-f2c5a676a07050b3"
BODY = b'{"event":"webhook","timestamp":4977069964384421269,"message_token":1478683725125}'
SIGNATURE = "d21b343448c8aee33b8e93768ef6ceb64a6ba6163099973a2b8bd028fea510ef"


def test_viber_s_published_vector_holds() -> None:
    assert sign(BODY, KEY) == SIGNATURE
    assert is_true(BODY, KEY, SIGNATURE)


def test_upper_case_is_the_same_signature() -> None:
    assert is_true(BODY, KEY, SIGNATURE.upper())


@pytest.mark.parametrize(
    "given",
    [None, "", " ", "aaaa", SIGNATURE[:-1], SIGNATURE + "0", "підпис", "\ud83d", "ſ" * 64, "\x00"],
)
def test_anything_else_is_false(given: str | None) -> None:
    assert not is_true(BODY, KEY, given)


def test_a_body_written_anew_no_longer_matches() -> None:
    assert not is_true(BODY.replace(b",", b", "), KEY, SIGNATURE)
    assert not is_true(BODY, KEY.replace("-", ""), SIGNATURE)


def test_raw_bytes_are_signed_whatever_they_are() -> None:
    body = '{"text":"Привіт 👋"}'.encode() + b"\xff\x00"
    assert is_true(body, KEY, sign(body, KEY))


def test_nothing_is_true_without_a_key() -> None:
    assert not is_true(BODY, "", sign(BODY, ""))
