"""The one logger: JSON lines, one per fact that happened, no secrets and no message texts."""

from aws_lambda_powertools import Logger

log = Logger(service="viberdesk")
