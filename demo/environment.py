"""What the functions find around them on the laptop, where Lambda would have set it."""

import os

REGION = "eu-central-1"
STAGE = "demo"
# The pretend checkout's own, which open nothing.
STRIPE_KEY, STRIPE_SECRET = "sk_test_demo", "whsec_demo"
MAIL_FROM = "viberdesk@viberdesk.example"
# Addresses on this machine are never asked for through a proxy.
LOCAL = "127.0.0.1,localhost"


def prepare() -> None:
    """Forget whatever leads to a real AWS, and be somebody who exists nowhere.

    Call it before anything of chalicelib is imported, for the models take their tables' names
    when they are made.
    """
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        STAGE=STAGE,
        AWS_ACCESS_KEY_ID="demo",
        AWS_SECRET_ACCESS_KEY="demo",
        AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        AWS_EC2_METADATA_DISABLED="true",
        ALLOW_LOCAL_MEDIA="yes",
        POWERTOOLS_SERVICE_NAME="viberdesk",
        POWERTOOLS_TRACE_DISABLED="true",
        CLOCK_OFFSET_SECONDS="0",
        no_proxy=LOCAL,
        NO_PROXY=LOCAL,
    )


def point_to(*, aws_url: str, public_url: str, viber_api_url: str, stripe_api_url: str) -> None:
    """Lead the functions to this machine's AWS, gateway, Viber and checkout."""
    os.environ.update(
        AWS_ENDPOINT_URL=aws_url,
        PUBLIC_URL=public_url,
        VIBER_API_URL=viber_api_url,
        STRIPE_API_URL=stripe_api_url,
        STRIPE_SECRET_KEY=STRIPE_KEY,
        STRIPE_WEBHOOK_SECRET=STRIPE_SECRET,
        MAIL_FROM=MAIL_FROM,
    )


def take(made: dict[str, str], *, aws_url: str) -> None:
    """Take the names of the resources that were made, and where the pool's keys are."""
    os.environ.update(made)
    os.environ["JWKS_URL"] = f"{aws_url}/{made['USER_POOL_ID']}/.well-known/jwks.json"
