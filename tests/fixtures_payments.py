"""A pretend Stripe on a port of its own, and the door that its events come to."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from chalicelib import errors, top_ups
from demo.checkout import BODY_MAX_BYTES, Post, PretendStripe
from demo.servers import Server

KEY, SECRET = "sk_test_1", "whsec_1"
VARIABLES = ("STRIPE_API_URL", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")


@contextmanager
def pretend_stripe(post: Post) -> Iterator[PretendStripe]:
    """Run a pretend Stripe that posts its events by this function, without pauses."""
    server = Server(0, body_max_bytes=BODY_MAX_BYTES)
    stripe = PretendStripe(
        url=server.url,
        webhook="/stripe",
        secret_key=KEY,
        webhook_secret=SECRET,
        post=post,
        pause=lambda seconds: None,
    )
    server.start(stripe.answer)
    os.environ.update(zip(VARIABLES, (server.url, KEY, SECRET), strict=True))
    try:
        yield stripe
    finally:
        server.stop()
        for name in VARIABLES:
            os.environ.pop(name, None)


def door(now: Callable[[], datetime]) -> Post:
    """Give the way to our webhook without an HTTP front: the status it would answer."""

    def post(url: str, headers: dict[str, str], body: bytes) -> int:
        try:
            is_signed = top_ups.receive(body, headers["Stripe-Signature"], now=now())
        except errors.Problem as problem:
            return problem.status
        return 200 if is_signed else 401

    return post
