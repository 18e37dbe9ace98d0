"""Settings from the environment, read when asked for: importing this needs none of them."""

import os
from datetime import UTC, datetime, timedelta

VIBER_API_URL = "https://chatapi.viber.com/pa"
STRIPE_API_URL = "https://api.stripe.com"


def now() -> datetime:
    """Tell the instant for the front door, in whole milliseconds as it is stored.

    Nothing below the front door asks, and a repeat is answered with the very same instant.

    `CLOCK_OFFSET_SECONDS` is set by the demo alone, whose clock page moves business time.
    """
    moved_for = float(os.environ.get("CLOCK_OFFSET_SECONDS", "0"))
    instant = real_now() + timedelta(seconds=moved_for)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def real_now() -> datetime:
    """Tell the real instant, which sign-ins run by even where business time is moved."""
    return datetime.now(UTC)


def stage() -> str:
    """Name the deployment; every resource carries it."""
    return os.environ.get("STAGE", "dev")


def name_of(resource: str) -> str:
    """Name a table, bucket or queue of this deployment, as `.chalice/resources.json` does."""
    return f"viberdesk-{stage()}-{resource}"


def region() -> str:
    """Name the AWS region; Lambda always sets it."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "eu-central-1"


def viber_api_url() -> str:
    """Tell where Viber's REST API is; only the laptop sets another."""
    return os.environ.get("VIBER_API_URL", VIBER_API_URL)


def public_url() -> str:
    """Tell the address Viber and browsers reach this deployment at, without a slash at its end."""
    return os.environ["PUBLIC_URL"].rstrip("/")


def bucket() -> str:
    """Name the bucket of our copies of pictures and files."""
    return os.environ["BUCKET"]


def files_origin() -> str:
    """Tell the web origin that links to our copies lead to."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    return endpoint.rstrip("/") if endpoint else f"https://{bucket()}.s3.{region()}.amazonaws.com"


def queue_url(queue: str) -> str:
    """Tell a queue's URL, `outgoing`, `copies` or `broadcasts`."""
    return os.environ[f"{queue.upper()}_QUEUE_URL"]


def key_id() -> str:
    """Name the KMS key that keeps secrets."""
    return os.environ.get("KMS_KEY_ID") or f"alias/viberdesk-{stage()}"


def user_pool_id() -> str:
    """Name the Cognito pool of people."""
    return os.environ["USER_POOL_ID"]


def user_pool_client_id() -> str:
    """Name the pool's client that the console and the API sign people in with."""
    return os.environ["USER_POOL_CLIENT_ID"]


def issuer() -> str:
    """Name who issues people's access tokens."""
    return f"https://cognito-idp.{region()}.amazonaws.com/{user_pool_id()}"


def jwks_url() -> str:
    """Tell where the keys of people's access tokens are; only the laptop sets another place."""
    return os.environ.get("JWKS_URL") or f"{issuer()}/.well-known/jwks.json"


def stripe_secret_key() -> str:
    """Tell the key that opens Checkout sessions, empty where cards are not taken."""
    return os.environ.get("STRIPE_SECRET_KEY", "")


def stripe_webhook_secret() -> str:
    """Tell the secret that Stripe signs its events with, empty where cards are not taken."""
    return os.environ.get("STRIPE_WEBHOOK_SECRET", "")


def stripe_api_url() -> str:
    """Tell where Stripe's API is; only the laptop sets another place."""
    return os.environ.get("STRIPE_API_URL", STRIPE_API_URL)


def mail_from() -> str:
    """Tell the address that warnings are mailed from, empty where none are."""
    return os.environ.get("MAIL_FROM", "")


def may_fetch_from_this_machine() -> bool:
    """Say whether media may come from loopback addresses: on the laptop alone."""
    return os.environ.get("ALLOW_LOCAL_MEDIA") == "yes"


def fee_zone() -> str:
    """Name the time zone of the fee calendar, `FEE_ZONE`."""
    return os.environ.get("FEE_ZONE", "Europe/Kyiv")


def fee_days_before_last() -> int:
    """Tell how many days before a month's last one its fee is taken, `FEE_DAYS_BEFORE_LAST`."""
    return int(os.environ.get("FEE_DAYS_BEFORE_LAST", "5"))


def deposit_micros() -> int:
    """Tell the deposit of a connection request, `DEPOSIT_EUR`."""
    return _euros("DEPOSIT_EUR", 400)


def activation_micros() -> int:
    """Tell what an approval takes of the deposit, `ACTIVATION_EUR`."""
    return _euros("ACTIVATION_EUR", 200)


def maintenance_fee_micros() -> int:
    """Tell the monthly fee of a commercial bot, `MAINTENANCE_EUR`."""
    return _euros("MAINTENANCE_EUR", 100)


def _euros(name: str, default: int) -> int:
    return int(os.environ.get(name, default)) * 1_000_000
