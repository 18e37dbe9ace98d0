"""Creates on a laptop's AWS what the template creates in the cloud, read from the template itself.

Works against anything that AWS_ENDPOINT_URL names, or moto's mock_aws. Only what the code can
notice is made: tables with indexes and TTL, queues with dead-letter queues, the bucket, the key
and its alias, the pool and its client. Alarms, policies and protections stay in the cloud.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chalicelib import config

PROJECT = Path(__file__).resolve().parent.parent
RESOURCES = PROJECT / ".chalice" / "resources.json"
FUNCTIONS = PROJECT / ".chalice" / "functions.json"
TABLE = "AWS::DynamoDB::Table"
QUEUE = "AWS::SQS::Queue"
PLACE = re.compile(r"\$\{([^}!]+)\}")


def create_all(stage: str = "dev") -> dict[str, str]:
    """Create everything and return the environment that the functions of this stage have.

    `PUBLIC_URL` is not in it: only who starts a server knows its address.
    """
    names = _names(stage)
    create_tables(_client("dynamodb"), stage)
    create_queues(_client("sqs"), names)
    _create_bucket(names)
    _create_key(names)
    _create_people(names)
    functions = load(FUNCTIONS)
    given = {name: each.get("Default", "") for name, each in functions["Parameters"].items()}
    wanted = functions["Globals"]["Function"]["Environment"]["Variables"]
    environment = {name: str(resolve(value, given | names)) for name, value in wanted.items()}
    return {"STAGE": stage} | {name: value for name, value in environment.items() if value}


def tables(stage: str) -> list[dict[str, Any]]:
    """List the arguments of CreateTable for each table: name, keys, indexes, on demand."""
    names = {"Stage": stage}
    taken = ("TableName", "BillingMode", "AttributeDefinitions", "KeySchema")
    found = []
    for _, properties in _of_type(TABLE):
        table = {name: resolve(properties[name], names) for name in taken}
        if indexes := properties.get("GlobalSecondaryIndexes"):
            table["GlobalSecondaryIndexes"] = resolve(indexes, names)
        found.append(table)
    return found


def create_tables(client: Any, stage: str) -> None:
    """Create all tables of the stage with a DynamoDB client, and turn their TTL on."""
    for table in tables(stage):
        client.create_table(**table)
    for _, properties in _of_type(TABLE):
        if ttl := properties.get("TimeToLiveSpecification"):
            client.update_time_to_live(
                TableName=resolve(properties["TableName"], {"Stage": stage}),
                TimeToLiveSpecification=ttl,
            )


def create_queues(client: Any, names: dict[str, str]) -> None:
    """Create all queues with an SQS client, and add their URLs and ARNs to the names."""
    # A queue names its dead-letter queue, which therefore has to be there first.
    for name, properties in sorted(_of_type(QUEUE), key=lambda each: "RedrivePolicy" in each[1]):
        wanted = resolve(properties, names)
        attributes = {
            attribute: _spelled(value)
            for attribute, value in wanted.items()
            if attribute not in ("QueueName", "Tags")
        }
        url = client.create_queue(QueueName=wanted["QueueName"], Attributes=attributes)["QueueUrl"]
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        names[name] = url
        names[f"{name}.Arn"] = answer["Attributes"]["QueueArn"]


@functools.cache
def load(path: Path) -> dict[str, Any]:
    """Read a template; what is returned is shared and must not be changed."""
    template: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return template


def resolve(value: Any, names: Mapping[str, str]) -> Any:
    """Replace Ref, Fn::GetAtt and Fn::Sub by what `names` says; KeyError names what is unknown."""
    match value:
        case {"Ref": str(name), **rest} if not rest:
            return names[name]
        case {"Fn::GetAtt": [str(resource), str(attribute)], **rest} if not rest:
            return names[f"{resource}.{attribute}"]
        case {"Fn::Sub": str(text), **rest} if not rest:
            return PLACE.sub(lambda found: names[found[1]], text)
        case dict():
            return {name: resolve(part, names) for name, part in value.items()}
        case list():
            return [resolve(part, names) for part in value]
    return value


def named_in(value: Any) -> Iterator[str]:
    """Name every resource and parameter that Ref, Fn::GetAtt and Fn::Sub speak of."""
    match value:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), _]}:
            yield name
        case {"Fn::Sub": str(text)}:
            yield from (found.partition(".")[0] for found in PLACE.findall(text))
        case {"Fn::Sub": [str(text), dict(own)]}:
            yield from set(named_in({"Fn::Sub": text})) - set(own)
            yield from named_in(list(own.values()))
        case dict():
            for part in value.values():
                yield from named_in(part)
        case list():
            for part in value:
                yield from named_in(part)


def _of_type(kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, resource in load(RESOURCES)["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource["Properties"]


def _names(stage: str) -> dict[str, str]:
    return {
        "Stage": stage,
        "PublicUrl": "",
        "AWS::AccountId": _client("sts").get_caller_identity()["Account"],
        "AWS::Region": config.region(),
        "AWS::Partition": "aws",
    }


def _spelled(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _create_bucket(names: dict[str, str]) -> None:
    ((name, properties),) = _of_type("AWS::S3::Bucket")
    names[name] = resolve(properties["BucketName"], names)
    place = {} if config.region() == "us-east-1" else {"LocationConstraint": config.region()}
    more = {"CreateBucketConfiguration": place} if place else {}
    _client("s3").create_bucket(Bucket=names[name], **more)


def _create_key(names: dict[str, str]) -> None:
    client = _client("kms")
    ((name, properties),) = _of_type("AWS::KMS::Key")
    answer = client.create_key(Description=resolve(properties["Description"], names))
    names[name] = answer["KeyMetadata"]["KeyId"]
    ((_, alias),) = _of_type("AWS::KMS::Alias")
    client.create_alias(
        AliasName=resolve(alias["AliasName"], names),
        TargetKeyId=resolve(alias["TargetKeyId"], names),
    )


def _create_people(names: dict[str, str]) -> None:
    client = _client("cognito-idp")
    ((pool, properties),) = _of_type("AWS::Cognito::UserPool")
    wanted = resolve(properties, names)
    wanted["PoolName"] = wanted.pop("UserPoolName")
    names[pool] = client.create_user_pool(**wanted)["UserPool"]["Id"]
    ((pool_client, properties),) = _of_type("AWS::Cognito::UserPoolClient")
    answer = client.create_user_pool_client(**resolve(properties, names))
    names[pool_client] = answer["UserPoolClient"]["ClientId"]


@functools.cache
def _session() -> Any:
    from botocore.session import get_session

    return get_session()


def _client(service: str) -> Any:
    # The session keeps the services' descriptions; a client is made for today's endpoint.
    return _session().create_client(service, region_name=config.region())
