import graphlib
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError
from botocore.session import get_session
from chalice.app import SQSEventConfig
from moto.server import ThreadedMotoServer

from app import app
from tools.deploy import DeployFailed, deploy, upload
from tools.package import SERVICES, Package, build
from tools.resources import PROJECT, create_all, named_in

# Building takes long, and is done once.
pytestmark = pytest.mark.xdist_group("package")

LAMBDA_UNPACKED_MAX_BYTES = 250 * 1024 * 1024
LAMBDA_DIRECT_MAX_BYTES = 50 * 1024 * 1024

IMPORT = "import sys; sys.path.insert(0, sys.argv[1]); import app"

# What a function runs: only what was unpacked, and none of what is installed here.
INVOKE = """
import json, sys
sys.path[:] = [sys.argv[1], *(path for path in sys.path if "site-packages" not in path)]
import app
class Context:
    function_name = "f"
    function_version = "1"
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:f"
    memory_limit_in_mb = 512
    aws_request_id = "r"
    log_group_name = log_stream_name = "l"
    get_remaining_time_in_millis = lambda self: 30_000
answer = getattr(app, sys.argv[2])(json.load(sys.stdin), Context())
foreign = [
    module.__file__ for name, module in sys.modules.items()
    if "site-packages" in (getattr(module, "__file__", None) or "")
]
print(json.dumps({"answer": answer, "foreign": foreign}))
"""


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    return build("dev", tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def template(package: Package) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(package.template_path.read_text(encoding="utf-8"))
    return made


@pytest.fixture(scope="session")
def unpacked(package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("task")
    with zipfile.ZipFile(package.zip_path) as packed:
        packed.extractall(directory)
    return directory


@pytest.fixture
def laptop(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    # What moto keeps outlives its server.
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    here = {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "laptop",
        "AWS_SECRET_ACCESS_KEY": "laptop",
    }
    for name, value in here.items():
        monkeypatch.setenv(name, value)
    try:
        yield here | create_all() | {"PUBLIC_URL": "https://desk.example/api"}
    finally:
        server.stop()


def invoke(unpacked: Path, handler: str, event: dict[str, Any], environment: dict[str, str]) -> Any:
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", INVOKE, unpacked, handler],
        input=json.dumps(event),
        cwd=unpacked,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout.splitlines()[-1])
    assert said["foreign"] == []
    return said["answer"]


def request(method: str, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Make the event that API Gateway sends for a proxied request."""
    sent = {"Host": "desk.example", "Accept": "application/json"} | (headers or {})
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": method,
            "path": f"/api{path}",
            "stage": "api",
            "domainName": "desk.example",
            "requestId": "r",
            "identity": {"sourceIp": "192.0.2.1"},
            "authorizer": None,
        },
        "body": None,
        "isBase64Encoded": False,
    }


SCHEDULED = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2026-11-21T01:00:00Z",
    "region": "eu-central-1",
    "resources": ["arn:aws:events:eu-central-1:123456789012:rule/settle"],
    "detail": {},
}


# The zip


def test_the_zip_fits_lambda_with_room_to_spare(package: Package) -> None:
    assert package.zip_bytes < LAMBDA_DIRECT_MAX_BYTES
    assert package.unpacked_bytes < LAMBDA_UNPACKED_MAX_BYTES


def test_the_zip_holds_what_runs_and_nothing_of_a_developers(package: Package) -> None:
    with zipfile.ZipFile(package.zip_path) as packed:
        names = packed.namelist()
        modes = {entry.external_attr >> 16 for entry in packed.infolist()}
    top = {name.split("/")[0] for name in names}

    chalice = {name for name in names if name.startswith("chalice/") and name.endswith(".py")}
    assert chalice == {
        "chalice/__init__.py",
        "chalice/app.py",
    }
    assert {"app.py", "chalicelib", "botocore", "pynamodb", "cryptography"} <= top
    assert not top & {"tests", "demo", "bench", "tools", "docs", "build", "moto", "pip", "pytest"}
    assert modes == {0o644}


def test_every_module_of_ours_is_compiled_so_that_a_cold_start_need_not(package: Package) -> None:
    with zipfile.ZipFile(package.zip_path) as packed:
        names = set(packed.namelist())
    ours = [n for n in names if n.startswith(("app.py", "chalicelib/")) and n.endswith(".py")]

    for name in ours:
        path = Path(name)
        compiled = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
        assert compiled.as_posix() in names
    assert not [n for n in names if n.endswith(".pyc") and sys.implementation.cache_tag not in n]


def test_the_zip_holds_every_file_of_ours(package: Package) -> None:
    ours = {
        path.relative_to(PROJECT).as_posix()
        for path in (PROJECT / "chalicelib").rglob("*")
        if path.is_file() and not {"__pycache__", ".DS_Store"} & set(path.parts)
    }
    with zipfile.ZipFile(package.zip_path) as packed:
        assert ours | {"app.py"} <= set(packed.namelist())


def test_botocore_knows_every_service_that_we_call() -> None:
    called = {
        service
        for path in (PROJECT / "chalicelib").rglob("*.py")
        for service in re.findall(r"""\bclient\(\s*"([a-z0-9-]+)\"""", path.read_text("utf-8"))
    }

    assert called | {"dynamodb"} == SERVICES


# The functions, run from what was unpacked


def test_the_unpacked_api_answers_a_request(unpacked: Path, laptop: dict[str, str]) -> None:
    answer = invoke(unpacked, "app", request("GET", "/openapi.json"), laptop)

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["openapi"].startswith("3.1")


def test_the_unpacked_schedule_runs_on_tables_of_the_template(
    unpacked: Path, laptop: dict[str, str]
) -> None:
    invoke(unpacked, "settle_messages", SCHEDULED, laptop)


@pytest.mark.parametrize("handler", ["send_outgoing", "copy_files"])
def test_an_unpacked_queue_function_takes_an_empty_batch(
    unpacked: Path, laptop: dict[str, str], handler: str
) -> None:
    assert invoke(unpacked, handler, {"Records": []}, laptop) == {"batchItemFailures": []}


def test_importing_the_unpacked_app_needs_no_environment(unpacked: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", IMPORT, unpacked],
        cwd=unpacked,
        env={},
        capture_output=True,
        text=True,
    )

    assert (ran.returncode, ran.stderr) == (0, "")


# The template


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        name: resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def test_cfn_lint_finds_nothing_in_what_is_deployed(package: Package) -> None:
    ran = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), package.template_path],
        capture_output=True,
        text=True,
    )

    assert (ran.returncode, ran.stdout) == (0, "")


def test_nothing_in_the_stack_waits_for_itself(template: dict[str, Any]) -> None:
    # cfn-lint does not look through SAM's Globals, where such a circle would hide.
    resources = template["Resources"]
    for_all_functions = set(named_in(template["Globals"]["Function"])) & set(resources)
    waits = {
        name: (set(named_in(resource)) & set(resources))
        | (for_all_functions if resource["Type"] == "AWS::Serverless::Function" else set())
        for name, resource in resources.items()
    }

    assert set(graphlib.TopologicalSorter(waits).static_order()) == set(resources)


def test_functions_keep_their_logs_for_a_while_and_have_an_alarm(template: dict[str, Any]) -> None:
    functions = of_type(template, "AWS::Serverless::Function")
    logs = of_type(template, "AWS::Logs::LogGroup").values()
    watched = {
        dimension["Value"]["Ref"]
        for alarm in of_type(template, "AWS::CloudWatch::Alarm").values()
        for dimension in alarm["Dimensions"]
        if alarm["MetricName"] == "Errors"
    }

    assert len(functions) == 1 + len(app.builtin_auth_handlers) + len(app.event_sources)
    assert {name for log in logs for name in named_in(log["LogGroupName"])} == set(functions)
    assert all(log["RetentionInDays"] for log in logs)
    assert watched == set(functions)


def test_queue_functions_take_from_our_queues_and_report_what_failed(
    template: dict[str, Any],
) -> None:
    queues = of_type(template, "AWS::SQS::Queue")
    taking = {
        name: (event["Properties"], function)
        for name, function in of_type(template, "AWS::Serverless::Function").items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "SQS"
    }

    assert len(taking) == sum(isinstance(each, SQSEventConfig) for each in app.event_sources)
    assert {name: event["Queue"] for name, (event, _) in taking.items()} == {
        "SendOutgoing": {"Fn::Sub": "${OutgoingQueue.Arn}"},
        "SendBroadcasts": {"Fn::Sub": "${BroadcastsQueue.Arn}"},
        "CopyFiles": {"Fn::Sub": "${CopiesQueue.Arn}"},
    }
    for event, function in taking.values():
        (queue,) = (queues[name] for name in named_in(event["Queue"]))
        assert event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # AWS: a queue's visibility time-out is to be six times the function's.
        assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_a_package_cannot_be_deployed_as_another_stage(template: dict[str, Any]) -> None:
    assert template["Parameters"]["Stage"]["AllowedValues"] == ["dev"]
    for name, function in of_type(template, "AWS::Serverless::Function").items():
        variables = dict(function["Environment"]["Variables"])
        # Two functions ask Stripe, and only what answers HTTP is told by it.
        secrets = {each for each in variables if each.startswith("STRIPE_")}
        assert ("STRIPE_SECRET_KEY" in secrets) == (name in ("APIHandler", "SettleTopUps"))
        assert ("STRIPE_WEBHOOK_SECRET" in secrets) == (name == "APIHandler")
        # And only what gives warnings mails them.
        assert ("MAIL_FROM" in variables) == (name == "GiveWarnings")
        others = variables.keys() - secrets - {"MAIL_FROM"}
        assert {each: variables[each] for each in others} == {"STAGE": "dev"}


def test_a_function_writes_its_own_log_and_no_other(template: dict[str, Any]) -> None:
    for name, function in of_type(template, "AWS::Serverless::Function").items():
        role = of_type(template, "AWS::IAM::Role")[function["Role"]["Fn::GetAtt"][0]]
        (policy,) = role["Policies"]
        (log,) = (
            statement["Resource"]["Fn::Sub"]
            for statement in policy["PolicyDocument"]["Statement"]
            if statement["Sid"] == "WriteItsLog"
        )
        assert log.endswith(f":log-group:/aws/lambda/${{AWS::StackName}}-{name}-*:*")


# Deploying


@pytest.fixture
def artifacts(laptop: dict[str, str]) -> Any:
    client = get_session().create_client("s3", region_name="eu-central-1")
    client.create_bucket(
        Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    return client


class FakeCloudFormation:
    """Takes change sets, and is done with each at the second look."""

    def __init__(self, *, end: str = "COMPLETE", refuses: str = "") -> None:
        self.change_sets: list[dict[str, Any]] = []
        self.executed = 0
        self.is_protected = False
        self._end = end
        self._refuses = refuses
        self._looks = 0
        self._parameters: dict[str, str] = {}

    def create_change_set(self, **wanted: Any) -> None:
        self.change_sets.append(wanted)
        self._looks = 0

    def describe_change_set(self, **which: str) -> dict[str, str]:
        self._looks += 1
        if self._looks == 1:
            return {"Status": "CREATE_IN_PROGRESS"}
        if self._refuses:
            return {"Status": "FAILED", "StatusReason": self._refuses}
        return {"Status": "CREATE_COMPLETE"}

    def delete_change_set(self, **which: str) -> None:
        self._looks = 0

    def execute_change_set(self, **which: str) -> None:
        self.executed += 1
        for parameter in self.change_sets[-1]["Parameters"]:
            if "ParameterValue" in parameter:
                self._parameters[parameter["ParameterKey"]] = parameter["ParameterValue"]
        self._parameters.setdefault("PublicUrl", "")

    def describe_stacks(self, **which: str) -> dict[str, Any]:
        if not self.change_sets:
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "Stack does not exist"}}, "x"
            )
        kind = self.change_sets[-1]["ChangeSetType"]
        return {
            "Stacks": [
                {
                    "StackStatus": f"{kind}_{self._end}",
                    "Parameters": [
                        {"ParameterKey": name, "ParameterValue": value}
                        for name, value in self._parameters.items()
                    ],
                    "Outputs": [
                        {"OutputKey": "EndpointURL", "OutputValue": "https://x.example/api/"}
                    ],
                }
            ]
        }

    def describe_stack_events(self, **which: str) -> dict[str, Any]:
        failed = {
            "LogicalResourceId": "BotsTable",
            "ResourceStatus": "CREATE_FAILED",
            "ResourceStatusReason": "It exists already",
        }
        return {"StackEvents": [failed]}

    def update_termination_protection(self, **wanted: Any) -> None:
        self.is_protected = wanted["EnableTerminationProtection"]


def parameters_of(change_set: dict[str, Any]) -> dict[str, Any]:
    return {
        parameter["ParameterKey"]: parameter.get("ParameterValue", "as before")
        for parameter in change_set["Parameters"]
    }


def roll_out(cloudformation: FakeCloudFormation, **given: str) -> Any:
    return deploy(
        cloudformation,
        stage="dev",
        template_url="https://artifacts.example/t.json",
        given=given,
        sleep=lambda seconds: None,
    )


def test_zip_and_template_go_to_the_bucket_once(package: Package, artifacts: Any) -> None:
    url = upload(artifacts, "artifacts", package.zip_path.parent, stage="dev")
    again = upload(artifacts, "artifacts", package.zip_path.parent, stage="dev")

    stored = {
        each["Key"]: each["Size"]
        for each in artifacts.list_objects_v2(Bucket="artifacts")["Contents"]
    }
    (zip_key,) = (key for key in stored if key.endswith(".zip"))
    (template_key,) = (key for key in stored if key.endswith(".json"))
    body = artifacts.get_object(Bucket="artifacts", Key=template_key)["Body"].read()
    functions = of_type(json.loads(body), "AWS::Serverless::Function").values()
    assert url == again == f"https://artifacts.s3.eu-central-1.amazonaws.com/{template_key}"
    assert stored[zip_key] == package.zip_bytes
    assert {function["CodeUri"] for function in functions} == {f"s3://artifacts/{zip_key}"}


def test_a_package_of_another_stage_is_not_uploaded(package: Package, artifacts: Any) -> None:
    with pytest.raises(DeployFailed, match="This package is for dev"):
        upload(artifacts, "artifacts", package.zip_path.parent, stage="prod")

    assert "Contents" not in artifacts.list_objects_v2(Bucket="artifacts")


def test_the_first_deployment_tells_the_functions_their_own_address() -> None:
    cloudformation = FakeCloudFormation()

    outputs = roll_out(cloudformation, AlarmEmail="ops@example.com")

    first, second = cloudformation.change_sets
    assert (first["ChangeSetType"], second["ChangeSetType"]) == ("CREATE", "UPDATE")
    assert parameters_of(first) == {"AlarmEmail": "ops@example.com"}
    assert parameters_of(second) == {
        "AlarmEmail": "as before",
        "PublicUrl": "https://x.example/api",
    }
    assert set(first["Capabilities"]) == {"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"}
    assert outputs == {"EndpointURL": "https://x.example/api/"}
    assert cloudformation.is_protected


def test_a_later_deployment_keeps_what_is_not_given() -> None:
    cloudformation = FakeCloudFormation()
    roll_out(cloudformation, PublicUrl="https://desk.example")

    roll_out(cloudformation)

    assert len(cloudformation.change_sets) == 2
    assert parameters_of(cloudformation.change_sets[-1]) == {"PublicUrl": "as before"}


def test_a_deployment_that_changes_nothing_is_no_failure() -> None:
    cloudformation = FakeCloudFormation()
    roll_out(cloudformation, PublicUrl="https://desk.example")
    cloudformation._refuses = "The submitted information didn't contain changes."

    roll_out(cloudformation)

    assert cloudformation.executed == 1


def test_a_failed_deployment_says_why() -> None:
    with pytest.raises(DeployFailed, match="BotsTable: It exists already"):
        roll_out(FakeCloudFormation(end="ROLLBACK_FAILED"))
    with pytest.raises(DeployFailed, match="Parameter Stage is wrong"):
        roll_out(FakeCloudFormation(refuses="Parameter Stage is wrong"))
