"""Deploys a package with CloudFormation, through a bucket for artifacts that already exists.

    python -m tools.deploy --stage dev --bucket my-artifacts

The template is too long to be sent directly. A parameter that is not given stays as it is.
STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET are taken from the environment, if they are there.
"""

import argparse
import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from tools.package import STAGES, TEMPLATE, ZIP
from tools.resources import PROJECT

CODE_IN_TEMPLATE = f"./{ZIP}"
SECRETS = {
    "StripeSecretKey": "STRIPE_SECRET_KEY",
    "StripeWebhookSecret": "STRIPE_WEBHOOK_SECRET",
}
WAIT_SECONDS = 5
WAIT_AT_MOST_SECONDS = 3600
NOTHING_TO_DO = ("didn't contain changes", "No updates are to be performed")
GOOD_ENDS = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


class DeployFailed(Exception):
    """CloudFormation refused or rolled back; the text is its reasons."""


class Stack(NamedTuple):
    """What is there now: whether it can only be created, its parameters and its outputs."""

    is_new: bool
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> None:
    """Deploy the package of a stage and print the stack's outputs."""
    import boto3

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stage", choices=STAGES, default="dev")
    parser.add_argument("--bucket", required=True, help="where the zip and the template go")
    parser.add_argument("--package", type=Path, default=PROJECT / "build" / "package")
    parser.add_argument("--public-url", help="a domain of your own, if there is one")
    parser.add_argument("--alarm-email", help="who is told when an alarm rings")
    parser.add_argument("--mail-from", help="the address of SES that warnings are mailed from")
    asked = parser.parse_args(arguments)
    given = {"PublicUrl": asked.public_url, "AlarmEmail": asked.alarm_email}
    given["MailFrom"] = asked.mail_from
    # Whoever lists this machine's processes sees arguments, so secrets are none.
    given |= {name: os.environ.get(variable) for name, variable in SECRETS.items()}
    outputs = deploy(
        boto3.client("cloudformation"),
        stage=asked.stage,
        template_url=upload(boto3.client("s3"), asked.bucket, asked.package, stage=asked.stage),
        given={name: value for name, value in given.items() if value is not None},
    )
    for name, value in sorted(outputs.items()):
        print(f"{name:20} {value}")


def upload(s3: Any, bucket: str, package: Path, *, stage: str) -> str:
    """Put zip and template into the bucket, named by their contents; return the template's URL."""
    template = json.loads((package / TEMPLATE).read_text(encoding="utf-8"))
    allowed = template["Parameters"]["Stage"]["AllowedValues"]
    if allowed != [stage]:
        raise DeployFailed(f"This package is for {allowed[0]}; make one for {stage}.")
    code = (package / ZIP).read_bytes()
    code_key = _put_once(s3, bucket, f"viberdesk/{stage}", code, "zip")
    for resource in template["Resources"].values():
        if resource["Properties"].get("CodeUri") == CODE_IN_TEMPLATE:
            resource["Properties"]["CodeUri"] = f"s3://{bucket}/{code_key}"
    body = json.dumps(template, ensure_ascii=False).encode()
    template_key = _put_once(s3, bucket, f"viberdesk/{stage}", body, "json")
    region = s3.meta.region_name
    return f"https://{bucket}.s3.{region}.amazonaws.com/{template_key}"


def deploy(
    cloudformation: Any,
    *,
    stage: str,
    template_url: str,
    given: Mapping[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> Mapping[str, str]:
    """Create or update the stack of a stage, and return its outputs.

    The functions learn their own address by a parameter: naming the API in the environment of
    a function that the API names would be a circle. So the first deployment takes two steps.
    """
    name = f"viberdesk-{stage}"
    stack = _stack(cloudformation, name)
    _change(cloudformation, change_set(name, stack, template_url, given), sleep)
    stack = _stack(cloudformation, name)
    if not stack.parameters.get("PublicUrl"):
        own = {"PublicUrl": stack.outputs["EndpointURL"].rstrip("/")}
        _change(cloudformation, change_set(name, stack, template_url, own), sleep)
        stack = _stack(cloudformation, name)
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=True)
    return stack.outputs


def change_set(
    name: str, stack: Stack, template_url: str, given: Mapping[str, str]
) -> dict[str, Any]:
    """Compose CreateChangeSet: given parameters, and the stack's own for those not given."""
    parameters: list[dict[str, Any]] = [
        {"ParameterKey": parameter, "ParameterValue": value} for parameter, value in given.items()
    ]
    parameters += [
        {"ParameterKey": parameter, "UsePreviousValue": True}
        for parameter in stack.parameters
        if parameter not in given
    ]
    return {
        "StackName": name,
        "ChangeSetName": f"{name}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}",
        "ChangeSetType": "CREATE" if stack.is_new else "UPDATE",
        "TemplateURL": template_url,
        "Parameters": parameters,
        # SAM's transform is a macro, which CloudFormation wants allowed.
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Tags": [{"Key": "app", "Value": "viberdesk"}],
    }


def _put_once(s3: Any, bucket: str, folder: str, body: bytes, ending: str) -> str:
    key = f"{folder}/{hashlib.sha256(body).hexdigest()}.{ending}"
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "403", "NoSuchKey", "NotFound"):
            raise
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return key


def _stack(cloudformation: Any, name: str) -> Stack:
    try:
        (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            raise
        return Stack(is_new=True, parameters={}, outputs={})
    if found["StackStatus"] == "ROLLBACK_COMPLETE":
        raise DeployFailed(
            f"The first deployment of {name} failed and was rolled back. Delete the stack, and"
            " the tables, bucket, key and pool it has kept, then deploy again."
        )
    return Stack(
        is_new=found["StackStatus"] == "REVIEW_IN_PROGRESS",
        parameters={p["ParameterKey"]: p["ParameterValue"] for p in found.get("Parameters", [])},
        outputs={o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])},
    )


def _change(cloudformation: Any, wanted: dict[str, Any], sleep: Callable[[float], None]) -> None:
    cloudformation.create_change_set(**wanted)
    which = {"StackName": wanted["StackName"], "ChangeSetName": wanted["ChangeSetName"]}
    made = _until(lambda: cloudformation.describe_change_set(**which), "Status", sleep)
    if made["Status"] == "FAILED":
        cloudformation.delete_change_set(**which)
        reason = made.get("StatusReason", "")
        if any(words in reason for words in NOTHING_TO_DO):
            return
        raise DeployFailed(reason)
    cloudformation.execute_change_set(**which)
    stack = {"StackName": wanted["StackName"]}
    ended = _until(
        lambda: cloudformation.describe_stacks(**stack)["Stacks"][0], "StackStatus", sleep
    )
    if ended["StackStatus"] not in GOOD_ENDS:
        raise DeployFailed("\n".join(_reasons(cloudformation, wanted["StackName"])))


def _until(
    look: Callable[[], dict[str, Any]], field: str, sleep: Callable[[float], None]
) -> dict[str, Any]:
    for _ in range(WAIT_AT_MOST_SECONDS // WAIT_SECONDS):
        sleep(WAIT_SECONDS)
        seen = look()
        # Every state that goes on ends so; a change set that waits for its turn is PENDING.
        if not seen[field].endswith(("IN_PROGRESS", "PENDING")):
            return seen
    raise DeployFailed("CloudFormation did not come to an end within an hour.")


def _reasons(cloudformation: Any, name: str) -> list[str]:
    events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
    return [
        f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
        for event in events
        if event["ResourceStatus"].endswith("_FAILED")
    ] or [f"{name} was rolled back."]


if __name__ == "__main__":
    main()
