"""The measure of the handlers: a Chalice app that makes given store calls and nothing else."""

from collections.abc import Callable
from typing import Any

from chalice.app import Chalice, Response, SQSEvent

from bench.recording import Call

Made = Callable[[], None]


class Bare:
    """An app with the same kinds of routes as the real one; what it does is handed in."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.viber: Made = lambda: None
        self.body = ""
        self.app = Chalice(app_name="bare")
        for method, path in (
            ("POST", "/viber/{bot_id}"),
            ("POST", "/v1/tickets/{ticket_id}/messages"),
            ("GET", "/v1/tickets"),
        ):
            options: dict[str, Any] = {"methods": [method]}
            if method == "POST":
                options["content_types"] = ["*/*"]
            self.app.route(path, name=f"{method} {path}", **options)(self._view)

        @self.app.on_sqs_message(queue="outgoing", name="send_outgoing")
        def send_outgoing(event: SQSEvent) -> dict[str, Any]:
            for _ in event:
                self.make_calls()
            return {"batchItemFailures": []}

        self.send_outgoing = send_outgoing

    def make_calls(self) -> None:
        """Make the calls with their prepared parameters, Viber's at its place among them."""
        for call in self.calls:
            if call.client is None:
                self.viber()
            else:
                call.client._make_api_call(call.operation, call.params)

    def _view(self, **_: str) -> Response:
        self.make_calls()
        return Response(self.body, headers={"Content-Type": "application/json"})
