"""What a deployed stage is made of, read from its CloudFormation stack's outputs."""

from typing import Any

import boto3


def environment(stage: str, *, cloudformation: Any = None) -> dict[str, str]:
    """Give the settings a command needs to work with a deployed stage.

    Exits with what to do when the stack is not there.
    """
    client = cloudformation or boto3.client("cloudformation")
    name = f"viberdesk-{stage}"
    try:
        (stack,) = client.describe_stacks(StackName=name)["Stacks"]
    except client.exceptions.ClientError as error:
        raise SystemExit(
            f"There is no stack {name} ({error}); run: make deploy STAGE={stage}"
        ) from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    return {
        "STAGE": stage,
        "USER_POOL_ID": outputs["UserPoolId"],
        "USER_POOL_CLIENT_ID": outputs["UserPoolClientId"],
    }
