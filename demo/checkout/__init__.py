"""A pretend Stripe for the demo and the tests."""

from demo.checkout.stripe import BODY_MAX_BYTES, Post, PretendStripe, posted, signature

__all__ = ["BODY_MAX_BYTES", "Post", "PretendStripe", "posted", "signature"]
