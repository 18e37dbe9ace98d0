"""The house round the talks, over HTTP: sign-ins, refusals, keys, the bot, the clock."""

from tests.smoke_desk import Desk, Phone, must, same, until


class House:
    """Steps that need a running demo, and some of them somebody who has written already."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.daryna: Phone
        self.ticket_id = ""

    def sign_in(self) -> None:
        wrong = {"email": self.desk.person("agent")["email"], "password": "not-the-password"}
        answer = self.desk.call("POST", "/v1/sign-in", wrong, by=None)
        same(answer.status, 401, "a wrong password")
        for role in ("operator", "admin", "agent"):
            same(self.desk.get("/v1/me", by=role)["person"]["role"], role, "my role")

    def sign_out(self) -> None:
        one = self.desk.person("admin")
        wanted = {"email": one["email"], "password": one["password"]}
        signed_in = self.desk.call("POST", "/v1/sign-in", wanted, by=None)
        rules = signed_in.headers["Set-Cookie"]
        must("HttpOnly" in rules and "SameSite=Strict" in rules, "a cookie for nobody else", rules)
        cookie = {"Cookie": rules.partition(";")[0]}
        fresh = self.desk.call("POST", "/v1/sign-in/refresh", {}, by=None, headers=cookie)
        same(fresh.status, 200, "a new access token for the cookie")
        bearer = {"Authorization": f"Bearer {fresh.body['access_token']}"} | cookie
        same(self.desk.call("GET", "/v1/me", by=None, headers=bearer).status, 200, "signed in")
        ended = self.desk.call("POST", "/v1/sign-out", {}, by=None, headers=bearer)
        same(ended.status, 204, "signing out")
        after = self.desk.call("GET", "/v1/me", by=None, headers=bearer)
        same(after.status, 401, "the access token afterwards")
        again = self.desk.call("POST", "/v1/sign-in/refresh", {}, by=None, headers=cookie)
        same(again.status, 401, "the cookie afterwards")

    def refuse(self) -> None:
        for wanted, method, path, by in (
            (404, "GET", "/v1/nothing", None),
            (404, "DELETE", "/v1/me", None),
            (401, "GET", "/v1/tickets", None),
            (401, "GET", "/v1/tickets", "vd_not-a-key"),
        ):
            answer = self.desk.call(method, path, by=by)
            same(answer.status, wanted, f"{method} {path}")
            same(answer.headers["Content-Type"], "application/problem+json", f"{method} {path}")
            same(answer.body["status"], wanted, f"problem of {method} {path}")
        big = self.desk.call("POST", "/v1/sign-in", {"email": "x" * 11_000_000}, by=None)
        same(big.status, 413, "eleven megabytes")
        same(self.desk.call("GET", "/docs", by=None).status, 200, "/docs")
        must("/v1/tickets" in self.desk.get("/openapi.json", by=None)["paths"], "/openapi.json")

    def garbage(self) -> None:
        uri = self.desk.told["bot_uri"]
        told = self.desk.viber("POST", "/callbacks", {"bot": uri, "body": '{"event": ['})
        same(told["http_status"], 200, "garbage that Viber signed")
        kept = self.desk.get(f"/v1/bots/{self.desk.told['bot_id']}/callbacks", by="admin")
        same(kept["items"][0]["state"], "malformed", "what is kept of it")

    def etags(self) -> None:
        for path in ("/v1/tickets", f"/v1/tickets/{self.ticket_id}/messages", "/v1/bots"):
            first = self.desk.call("GET", path)
            known = {"If-None-Match": first.headers["ETag"]}
            again = self.desk.call("GET", path, headers=known)
            same((again.status, again.body), (304, b""), path)

    def deep_link(self) -> None:
        phone = Phone(self.desk, "Тимофій Гай", country="UA")
        phone.act("open", context="осінь-2026")
        until(lambda: phone.heard, "the welcome message")
        must("«Хліб і Сіль»" in phone.heard[0], "the welcome message", phone.heard)
        phone.write("Я з реклами")
        ticket_id = self.desk.ticket_of("Тимофій Гай")["ticket_id"]
        opened = self.desk.get(f"/v1/tickets/{ticket_id}")
        same(opened["conversation"]["context"], "осінь-2026", "the context")

    def api_key(self) -> None:
        wanted = {"name": "Каса", "scopes": ["tickets:read"]}
        same(self.desk.call("POST", "/v1/api-keys", wanted).status, 403, "an agent makes a key")
        made = self.desk.call("POST", "/v1/api-keys", wanted, by="admin")
        same(made.status, 201, "an admin makes a key")
        key = made.body["key"]
        must(self.desk.get("/v1/tickets", by=key)["items"], "the key reads tickets")
        for method, path in (("GET", "/v1/people"), ("GET", "/v1/api-keys")):
            same(self.desk.call(method, path, by=key).status, 403, f"{method} {path} by the key")
        same(self.desk.reply(self.ticket_id, "Я каса", by=key).status, 403, "the key replies")
        ended = self.desk.call("DELETE", f"/v1/api-keys/{made.body['key_id']}", by="admin")
        same(ended.status, 204, "revoking")
        same(self.desk.call("GET", "/v1/tickets", by=key).status, 401, "a revoked key")

    def reconnect(self) -> None:
        path = f"/v1/bots/{self.desk.told['bot_id']}"
        key = self.desk.bot["key"]
        must(self.desk.bot["webhook"].endswith(f"/viber/{self.desk.told['bot_id']}"), "webhook")
        ended = self.desk.call("DELETE", path, by="admin")
        same((ended.status, ended.body["state"]), (200, "disconnected"), "disconnecting")
        same(self.desk.bot["webhook"], "", "the webhook at Viber")
        refused = self.desk.reply(self.ticket_id, "Чи ви ще тут?")
        same(refused.status, 409, "a reply without a bot")
        must(len(self.desk.thread(self.ticket_id)) > 20, "the ticket stays")
        wrong = self.desk.call("POST", "/v1/bots", {"key": "00-11-22"}, by="admin")
        same((wrong.status, wrong.body["field"]), (400, "key"), "a wrong key")
        back = self.desk.call("POST", "/v1/bots", {"key": key}, by="admin")
        same((back.status, back.body["state"]), (201, "connected"), "connecting again")
        same(back.body["bot_id"], self.desk.told["bot_id"], "the same bot")
        again = self.desk.call("POST", "/v1/bots", {"key": key}, by="admin")
        same(again.status, 409, "connecting twice")
        self.daryna.write("Чи працюєте?")
        until(
            lambda: self.desk.thread(self.ticket_id)[-1]["content"].get("text") == "Чи працюєте?",
            "her message arrives again",
        )

    def repair(self) -> None:
        body = b'{"url": ""}'
        headers = {"X-Viber-Auth-Token": self.desk.bot["key"]}
        url = f"{self.desk.told['viber_url']}/pa/set_webhook"
        self.desk.http.request("POST", url, body=body, headers=headers)
        same(self.desk.bot["webhook"], "", "the webhook at Viber")
        self.desk.clock(ahead_seconds=15 * 60)
        until(lambda: self.desk.bot["webhook"], "the webhook is there again")
        webhook = until(
            lambda: (
                w
                if (w := self.desk.get(f"/v1/bots/{self.desk.told['bot_id']}")["webhook"])["state"]
                == "repaired"
                else None
            ),
            "we say that it was repaired",
        )
        must(webhook["trouble"], "what was wrong with it", webhook)

    def month_end(self) -> None:
        told = self.desk.clock(to="month-end")
        must(told["kyiv"][11:16] == "00:00", "midnight in Kyiv", told["kyiv"])
        self.desk.clock(ahead_seconds=30 * 86_400)
        ahead = self.desk.get("/v1/me")["now"]
        must(ahead > told["now"], "business time", ahead)
        self._ran("settle_messages")
        same(self.desk.clock(to="real")["ahead_seconds"], 0, "back")

    def _settled(self) -> None:
        """Wait until no callback is on its way."""

        def look() -> bool:
            callbacks = self.desk.viber("GET", "/state")["callbacks"]
            return not any(one["state"] == "waiting" for one in callbacks)

        until(look, "callbacks arrive")

    def _ran(self, job: str) -> None:
        """Wait until a schedule has run by the clock as it stands now."""
        moved_to = self.desk.clock(ahead_seconds=0)["now"]

        def look() -> bool:
            jobs = self.desk.clock(ahead_seconds=0)["jobs"]
            return any(one["name"] == job and (one["due_at"] or "") > moved_to for one in jobs)

        until(look, f"{job} runs")
