"""The main job over HTTP: signed callbacks in, answers out, and everything that goes wrong."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

from tests.smoke_desk import Phone, must, same, until
from tests.smoke_house import House

Step = tuple[str, Callable[[], object]]
PICTURE = "/media/sample/balcony.png"


class MainJob(House):
    """The steps in their order; each one is a sentence and what proves it."""

    def steps(self) -> Iterator[Step]:
        yield "people sign in; a wrong password is refused", self.sign_in
        yield "signing out ends the access token and the cookie", self.sign_out
        yield "the gateway refuses what never reaches the app, as deployed", self.refuse
        yield "a Ukrainian text with emoji becomes a ticket with its contact", self.first_word
        yield "picture, sticker, place, contact, file, video, link: as what they are", self.types
        yield "pictures and files are our own copies, byte for byte", self.copies
        yield "repeated callbacks change nothing", self.duplicates
        yield "a bad signature gets 401 and no ticket", self.bad_signature
        yield "signed garbage gets 200 and is kept", self.garbage
        yield "an answer reaches the phone: delivered, then seen", self.answer
        yield "three parts arrive in their order, then seven", self.parts
        yield "a note stays in the house", self.note
        yield "receipts in reverse order end as seen", self.reversed_receipts
        yield "an answer that Viber lost is unknown, settled by its receipt, sent once", self.lost
        yield "status 12 fails with words, and a second try arrives", self.refused
        yield "what the device cannot show fails with its reason", self.failed_on_device
        yield "a phone that is off gets its message when it is on", self.offline
        yield "the same Idempotency-Key sends once; another body gets 422", self.idempotency
        yield "unchanged lists answer 304", self.etags
        yield "who unsubscribed is not written to; a message brings him back", self.unsubscribe
        yield "a deep link is welcomed and its context kept", self.deep_link
        yield "an API key does what its scopes say until it is revoked", self.api_key
        yield "disconnecting takes the webhook away, reconnecting brings it back", self.reconnect
        yield "a lost webhook is repaired when the clock jumps ahead", self.repair
        yield "a month later sign-ins still hold, and the clock comes back", self.month_end

    def first_word(self) -> None:
        self.daryna = Phone(self.desk, "Дарина Шевчук", country="UA", devices=2)
        self.daryna.write("Доброго дня! Чи є свіжі ґофри з маком? 🧇💛💙")
        ticket = self.desk.ticket_of("Дарина Шевчук")
        self.ticket_id = ticket["ticket_id"]
        same(ticket["subject"], "Доброго дня! Чи є свіжі ґофри з маком? 🧇💛💙", "subject")
        same(ticket["status"], "new", "status")
        opened = self.desk.get(f"/v1/tickets/{self.ticket_id}")
        same(opened["contact"]["country"], "UA", "country")
        must(opened["conversation"]["is_subscribed"], "a message subscribes")

    def types(self) -> None:
        samples = self.desk.viber("GET", "/state")["samples"]
        file, video = samples["file"], samples["video"]
        sent: list[dict[str, Any]] = [
            {"type": "picture", "media": PICTURE, "thumbnail": PICTURE, "text": "Наш балкон"},
            {"type": "sticker", "sticker_id": "46105"},
            {"type": "location", "location": {"lat": 50.4501, "lon": 30.5234}},
            {"type": "contact", "contact": {"name": "Мама", "phone_number": "380501112233"}},
            {"type": "file", "media": file["url"], "size": file["size"], "file_name": file["name"]},
            {"type": "video", "media": video["url"], "size": video["size"], "duration": 4},
            {"type": "url", "media": "https://example.com/каталог?q=ґофри"},
        ]
        for content in sent:
            self.daryna.write(content)
        thread = until(
            lambda: t if len(t := self.desk.thread(self.ticket_id)) == 8 else None,
            "all eight messages are in the thread",
        )
        same([m["content"]["type"] for m in thread[1:]], [c["type"] for c in sent], "types")
        by_type = {m["content"]["type"]: m["content"] for m in thread}
        same(by_type["picture"]["text"], "Наш балкон", "caption")
        same(by_type["location"]["lat"], 50.4501, "latitude")
        same(by_type["contact"]["phone_number"], "380501112233", "phone number")
        same(by_type["file"]["file_name"], file["name"], "file name")
        same(by_type["url"]["media"], "https://example.com/каталог?q=ґофри", "link")

    def copies(self) -> None:
        samples = self.desk.viber("GET", "/state")["samples"]
        for kind in ("picture", "file", "video"):

            def copied(kind: str = kind) -> Any:
                for message in self.desk.thread(self.ticket_id):
                    is_it = message["content"]["type"] == kind
                    if is_it and message["file"]["state"] == "ready":
                        return message["file"]
                return None

            file = until(copied, f"the {kind} is copied")
            link = self.desk.get(f"/v1/files/{file['file_id']}")
            must(not link["url"].startswith(self.desk.told["viber_url"]), "our copy", link)
            ours, headers = self.desk.fetch(link["url"])
            theirs, _ = self.desk.fetch(samples[kind]["url"])
            must(ours == theirs, f"the {kind}'s bytes", len(ours), len(theirs))
            same(link["size_bytes"], len(theirs), f"size of the {kind}")
            is_shown = kind != "file"
            shown = headers["Content-Disposition"]
            same(shown, "inline" if is_shown else "attachment", f"how the {kind} is shown")

        def avatar() -> Any:
            return self.desk.get(f"/v1/tickets/{self.ticket_id}")["contact"]["avatar_file_id"]

        link = self.desk.get(f"/v1/files/{until(avatar, 'the avatar is copied')}")
        must(self.desk.fetch(link["url"])[0].startswith(b"\x89PNG"), "the avatar is a picture")

    def duplicates(self) -> None:
        before = self.desk.thread(self.ticket_id)
        same(self.desk.viber("POST", "/duplicate", {"count": 5})["resent"], 5, "sent again")
        self._settled()
        same(self.desk.thread(self.ticket_id), before, "the thread")

    def bad_signature(self) -> None:
        before = self.desk.get("/v1/tickets?limit=200")
        body = {
            "event": "message",
            "timestamp": 1_700_000_000_000,
            "message_token": 4912661846655238145,
            "sender": {"id": "01234567890A=", "name": "Хтось", "api_version": 10},
            "message": {"type": "text", "text": "Мене не підписано"},
        }
        uri = self.desk.told["bot_uri"]
        for signed in ({"signed": False}, {"signature": ""}):
            told = self.desk.viber("POST", "/callbacks", {"bot": uri, "body": body, **signed})
            same(told["http_status"], 401, "a callback that nobody signed")
        nobody = self.desk.call("POST", f"/viber/bot_{'0' * 26}", body, by=None)
        same(nobody.status, 401, "a callback to a bot that is not ours")
        same(self.desk.get("/v1/tickets?limit=200"), before, "the tickets")

    def answer(self) -> None:
        (message_id,) = self.desk.say(self.ticket_id, "Так, щойно з печі! 🧇 Скільки бажаєте?")
        delivered = self.desk.becomes(self.ticket_id, message_id, "delivered")
        same(self.daryna.heard, ["Так, щойно з печі! 🧇 Скільки бажаєте?"], "the phone shows")
        must(delivered["delivery"]["delivered_at"], "when it was delivered", delivered)
        self.daryna.act("read")
        seen = self.desk.becomes(self.ticket_id, message_id, "seen")
        must(seen["delivery"]["seen_at"], "when it was seen", seen)
        status = self.desk.get(f"/v1/tickets/{self.ticket_id}")["status"]
        same(status, "awaiting_answer", "the ticket's status")

    def parts(self) -> None:
        before = len(self.daryna.heard)
        picture = {"type": "picture", "media": "https://example.com/wafers.jpg", "text": "два"}
        three = self.desk.say(self.ticket_id, "раз", picture, "три")
        self.desk.becomes(self.ticket_id, three[-1], "delivered")
        same(self.daryna.heard[before:], ["раз", "два", "три"], "three parts")
        seven = [f"{number} з 7" for number in range(1, 8)]
        sent = self.desk.say(self.ticket_id, *seven)
        self.desk.becomes(self.ticket_id, sent[-1], "delivered")
        same(self.daryna.heard[before + 3 :], seven, "seven parts")

    def note(self) -> None:
        before = self.daryna.heard
        answer = self.desk.reply(self.ticket_id, "Не забути про знижку 🤫", notify=False)
        same(answer.status, 202, "the note")
        last = self.desk.thread(self.ticket_id)[-1]
        same((last["kind"], last["delivery"]), ("note", None), "the note in the thread")
        self._settled()
        same(self.daryna.heard, before, "the phone")

    def reversed_receipts(self) -> None:
        self.desk.viber("POST", "/hold", {"on": True})
        (message_id,) = self.desk.say(self.ticket_id, "Оберіть: з медом чи з варенням?")
        self.desk.becomes(self.ticket_id, message_id, "sent")
        self.daryna.act("read")
        released = self.desk.viber("POST", "/release", {"order": "reverse"})["released"]
        # Two devices deliver, one person sees.
        must(released >= 3, "receipts were held", released)
        self._settled()
        delivery = self.desk.becomes(self.ticket_id, message_id, "seen")["delivery"]
        must(delivery["delivered_at"], "it was delivered as well", delivery)

    def lost(self) -> None:
        text = "Передзвонимо за хвилину 📞"
        self.desk.viber("POST", "/hold", {"on": True})
        self.desk.faults({"lose_answer": True})
        (message_id,) = self.desk.say(self.ticket_id, text)
        self.desk.becomes(self.ticket_id, message_id, "unknown")
        # The schedules look after what is open; none of them may send it again.
        self.desk.clock(ahead_seconds=180)
        self._ran("settle_messages")
        self.desk.clock(to="real")
        self.desk.viber("POST", "/release", {"order": "forward"})
        self._settled()
        # Its receipt is taken for its own once nothing else can still claim it.
        self.desk.clock(ahead_seconds=900)
        self._ran("settle_messages")
        self.desk.becomes(self.ticket_id, message_id, "delivered")
        self.desk.clock(to="real")
        same(self.daryna.heard.count(text), 1, "how often the phone got it")

    def refused(self) -> None:
        text = "Замовлення № 1045 прийнято"
        self.desk.faults({"refuse": 12})
        (message_id,) = self.desk.say(self.ticket_id, text)
        failed = self.desk.becomes(self.ticket_id, message_id, "failed")["delivery"]
        same((failed["reason"], failed["viber_status"]), ("viber-refused", 12), "why")
        must(len(failed["words"] or "") > 10, "words for the agent", failed)
        must(text not in self.daryna.heard, "nothing arrived")
        (again,) = self.desk.say(self.ticket_id, text)
        self.desk.becomes(self.ticket_id, again, "delivered")
        same(self.daryna.heard.count(text), 1, "how often the phone got it")

    def failed_on_device(self) -> None:
        self.desk.faults({"fail_after": "too old a client"})
        (message_id,) = self.desk.say(self.ticket_id, "Чи бачите це?")
        failed = self.desk.becomes(self.ticket_id, message_id, "failed")["delivery"]
        same(failed["reason"], "failed-on-device", "why")
        must("too old a client" in (failed["words"] or ""), "the reason given", failed)

    def offline(self) -> None:
        self.daryna.set(online=False)
        (message_id,) = self.desk.say(self.ticket_id, "Ми відчинені до 20:00 🕗")
        self.desk.becomes(self.ticket_id, message_id, "sent")
        self._settled()
        same(self._state(message_id), "sent", "while the phone is off")
        self.daryna.set(online=True)
        self.desk.becomes(self.ticket_id, message_id, "delivered")

    def idempotency(self) -> None:
        key, text = str(uuid.uuid4()), "Лише один раз ☝️"
        answers = [self.desk.reply(self.ticket_id, text, key=key) for _ in range(3)]
        same({answer.status for answer in answers}, {202}, "the same wish")
        found = [answer.body["messages"][0]["message_id"] for answer in answers]
        same(len(set(found)), 1, "messages it became")
        other = self.desk.reply(self.ticket_id, "Щось інше", key=key)
        same(other.status, 422, "another wish under the same key")
        must(other.body["type"].endswith("/idempotency-key-reused"), "its problem", other.body)
        self.desk.becomes(self.ticket_id, found[0], "delivered")
        same(self.daryna.heard.count(text), 1, "how often the phone got it")

    def unsubscribe(self) -> None:
        self.daryna.act("unsubscribe")
        until(
            lambda: (
                not self.desk.get(f"/v1/tickets/{self.ticket_id}")["conversation"]["is_subscribed"]
            ),
            "we know that she unsubscribed",
        )
        before = self.daryna.heard
        answer = self.desk.reply(self.ticket_id, "Чи ви ще тут?")
        same(answer.status, 409, "a reply to who unsubscribed")
        must(answer.body["type"].endswith("/not-subscribed"), "its problem", answer.body)
        self._settled()
        same(self.daryna.heard, before, "the phone")
        self.daryna.write("Я повернулася 👋")
        until(
            lambda: self.desk.reply(self.ticket_id, "Раді бачити!").status == 202,
            "a message brings her back",
        )
        until(lambda: "Раді бачити!" in self.daryna.heard, "the phone gets it")

    def _state(self, message_id: str) -> str:
        return str(self.desk.message(self.ticket_id, message_id)["delivery"]["state"])
