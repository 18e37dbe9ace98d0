"""Makes an operator of a deployment: `make operator EMAIL=… NAME=… STAGE=…`."""

import os
import sys
from datetime import UTC, datetime

from tools import deployed


def main(email: str, name: str) -> str:
    """Invite an operator; Cognito sends the first password by e-mail."""
    stage = os.environ.get("STAGE", "dev")
    os.environ.update(deployed.environment(stage))
    from chalicelib import people

    person = people.make_operator(
        email=email, name=name or email.partition("@")[0], now=datetime.now(UTC)
    )
    return f"{person.email} is an operator of {stage}; the first password is on its way by e-mail."


if __name__ == "__main__":
    if len(sys.argv) < 2 or "@" not in sys.argv[1]:
        sys.exit("Say whom: make operator EMAIL=olena@example.com NAME=Olena STAGE=prod")
    print(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""))
