import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app import app
from chalicelib import config, tables, web
from tools.package import STAGES, extras_of
from tools.resources import FUNCTIONS as ADDITIONS
from tools.resources import PROJECT, RESOURCES, load, named_in
from tools.resources import tables as tables_of

CHALICE = PROJECT / ".chalice"
CONFIG = json.loads((CHALICE / "config.json").read_text(encoding="utf-8"))
POLICIES = sorted(CHALICE.glob("policy-*.json"))

FUNCTIONS = {
    "api_handler",
    *(authorizer.name for authorizer in app.builtin_auth_handlers),
    *(source.name for source in app.event_sources),
}


def own_resources(kind: str) -> dict[str, Any]:
    return {
        name: resource
        for name, resource in load(RESOURCES)["Resources"].items()
        if resource["Type"] == kind
    }


def statements(policy: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(policy.read_text(encoding="utf-8"))["Statement"]
    return found


# Tables


def keys_of(schema: Any) -> dict[str, str]:
    return {part["KeyType"]: part["AttributeName"] for part in schema}


def test_the_template_has_the_models_keys_and_indexes() -> None:
    in_models: dict[str, Any] = {}
    for model in tables.ALL:
        schema = model._get_schema()
        table = in_models.setdefault(
            model.Meta.table_name,
            {"keys": keys_of(schema["key_schema"]), "indexes": {}, "types": {}},
        )
        assert table["keys"] == keys_of(schema["key_schema"]), model
        for part in schema["attribute_definitions"]:
            table["types"][part["AttributeName"]] = part["AttributeType"]
        for index in schema["global_secondary_indexes"]:
            table["indexes"][index["index_name"]] = (
                keys_of(index["key_schema"]),
                index["projection"],
            )

    in_template = {
        table["TableName"]: {
            "keys": keys_of(table["KeySchema"]),
            "indexes": {
                index["IndexName"]: (keys_of(index["KeySchema"]), index["Projection"])
                for index in table.get("GlobalSecondaryIndexes", ())
            },
            "types": {
                part["AttributeName"]: part["AttributeType"]
                for part in table["AttributeDefinitions"]
            },
        }
        for table in tables_of(config.stage())
    }

    assert in_template == in_models


def test_items_that_expire_lie_in_tables_with_a_ttl() -> None:
    in_models = {
        model.Meta.table_name: attribute.attr_name
        for model in tables.ALL
        for attribute in model.get_attributes().values()
        if isinstance(attribute, tables.ExpiresAt)
    }

    in_template = {
        resource["Properties"]["TableName"]["Fn::Sub"].replace("${Stage}", config.stage()): ttl[
            "AttributeName"
        ]
        for resource in own_resources("AWS::DynamoDB::Table").values()
        if (ttl := resource["Properties"].get("TimeToLiveSpecification"))
    }

    assert in_template == in_models


@pytest.mark.parametrize("name", sorted(own_resources("AWS::DynamoDB::Table")))
def test_a_table_is_kept_protected_and_can_be_set_back(name: str) -> None:
    table = own_resources("AWS::DynamoDB::Table")[name]
    properties = table["Properties"]

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["DeletionProtectionEnabled"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}


# Functions


def test_every_function_has_settings_and_a_policy_of_its_own() -> None:
    settings = CONFIG["lambda_functions"]

    assert set(settings) == FUNCTIONS
    assert {name: each["iam_policy_file"] for name, each in settings.items()} == {
        name: f"policy-{name.replace('_', '-')}.json" for name in FUNCTIONS
    }
    assert {policy.name for policy in POLICIES} == {
        each["iam_policy_file"] for each in settings.values()
    }


def test_every_stage_tells_its_functions_its_name() -> None:
    assert set(CONFIG["stages"]) == set(STAGES)
    for stage, settings in CONFIG["stages"].items():
        assert settings["environment_variables"] == {"STAGE": stage}


def test_event_handlers_live_in_app() -> None:
    # Lambda imports the module a handler names: one in a Blueprint would run without app.py.
    assert {source.handler_string.split(".")[0] for source in app.event_sources} == {"app"}


def test_a_package_is_for_one_stage() -> None:
    for stage in STAGES:
        assert extras_of(stage)["Parameters"]["Stage"]["AllowedValues"] == [stage]


def test_a_queue_gives_up_to_a_dead_letter_queue_of_its_kind() -> None:
    queues = own_resources("AWS::SQS::Queue")
    used = {name: each["Properties"] for name, each in queues.items() if "Dead" not in name}

    for queue in used.values():
        dead = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]["Properties"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
        assert queue.get("FifoQueue") == dead.get("FifoQueue")
    assert all(each["Properties"]["SqsManagedSseEnabled"] for each in queues.values())


# Policies


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.stem)
def test_a_policy_names_what_it_allows_on_resources_of_this_stack(policy: Path) -> None:
    known = set(load(RESOURCES)["Resources"])
    for statement in statements(policy):
        actions = statement["Action"]
        assert statement["Effect"] == "Allow"
        assert isinstance(actions, list)
        assert not [action for action in actions if "*" in action]
        assert "dynamodb:Scan" not in actions
        wanted = statement["Resource"]
        for resource in wanted if isinstance(wanted, list) else [wanted]:
            names = {name for name in named_in(resource) if not name.startswith("AWS::")}
            is_log = actions == ["logs:CreateLogStream", "logs:PutLogEvents"]
            assert names <= known
            # Whoever SES knows is no resource of ours; the condition names the one sender.
            is_mail = actions == ["ses:SendEmail"] and "ses:FromAddress" in str(statement)
            assert is_log or is_mail or len(names) == 1, resource


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.stem)
def test_secrets_open_only_for_a_named_owner(policy: Path) -> None:
    for statement in statements(policy):
        if any(action.startswith("kms:") for action in statement["Action"]):
            assert statement["Condition"] == {"Null": {"kms:EncryptionContext:owner": "false"}}


def test_indexes_in_policies_exist() -> None:
    indexes = {
        f"${{{name}.Arn}}/index/{index['IndexName']}"
        for name, table in own_resources("AWS::DynamoDB::Table").items()
        for index in table["Properties"].get("GlobalSecondaryIndexes", ())
    }
    used = {
        resource["Fn::Sub"]
        for policy in POLICIES
        for statement in statements(policy)
        if statement["Sid"] == "QueryIndexes"
        for resource in statement["Resource"]
    }

    assert used == indexes


def test_policies_reach_every_table() -> None:
    used = {name for policy in POLICIES for name in named_in(statements(policy))}

    assert used >= set(own_resources("AWS::DynamoDB::Table"))


def test_what_holds_data_outlives_the_stack() -> None:
    for kind in ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::Cognito::UserPool"):
        (resource,) = own_resources(kind).values()
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


# The gateway's own answers


GATEWAY_PROBLEMS = {
    "UNAUTHORIZED": (401, "unauthorized"),
    "ACCESS_DENIED": (401, "unauthorized"),
    "EXPIRED_TOKEN": (401, "unauthorized"),
    "WAF_FILTERED": (403, "forbidden"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "not-found"),
    "INVALID_SIGNATURE": (404, "not-found"),
    "RESOURCE_NOT_FOUND": (404, "not-found"),
    "REQUEST_TOO_LARGE": (413, "too-large"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "unsupported-media-type"),
    "THROTTLED": (429, "too-many-requests"),
    "QUOTA_EXCEEDED": (429, "too-many-requests"),
    "INTEGRATION_TIMEOUT": (504, "busy"),
    "INTEGRATION_FAILURE": (504, "busy"),
    "DEFAULT_4XX": (400, "bad-input"),
    "DEFAULT_5XX": (503, "busy"),
}


def test_the_gateway_answers_in_problem_details() -> None:
    answers = load(ADDITIONS)["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]

    assert set(answers) == set(GATEWAY_PROBLEMS)
    for name, (status, kind) in GATEWAY_PROBLEMS.items():
        answer = answers[name]
        headers = answer["ResponseParameters"]["Headers"]
        (body,) = answer["ResponseTemplates"].values()
        problem = json.loads(body)
        assert headers["Content-Type"] == "'application/problem+json'"
        assert answer["StatusCode"] == problem["status"] == status
        assert problem["type"] == web.PROBLEM_TYPES + kind
        assert problem["title"]
        assert problem["detail"].endswith(".")
        assert set(problem) == {"type", "title", "status", "detail"}


def test_the_gateway_slows_callers_down_and_is_one_region() -> None:
    settings, *tighter = load(ADDITIONS)["Resources"]["RestAPI"]["Properties"]["MethodSettings"]

    assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
    assert settings["ThrottlingBurstLimit"] >= settings["ThrottlingRateLimit"] > 0
    # Who tries passwords or asks for mails is slower still, and starves nobody else.
    assert {each["ResourcePath"] for each in tighter} >= {
        "/~1v1~1sign-in",
        "/~1v1~1sign-in~1forgot",
    }
    assert all(each["ThrottlingRateLimit"] <= 10 for each in tighter)
    assert CONFIG["api_gateway_endpoint_type"] == "REGIONAL"
    assert CONFIG["minimum_compression_size"] > 0


def test_cfn_lint_finds_nothing_in_our_resources() -> None:
    ran = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), RESOURCES], capture_output=True, text=True
    )

    assert (ran.returncode, ran.stdout) == (0, "")
