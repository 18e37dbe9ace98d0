"""What Viber tells us: messages, receipts, subscriptions, and all of them twice."""

from bench.operations.registry import Act, change, lost, operation, receipt, webhook
from bench.shop import AVATAR, PROFILE, Shop

PICTURE = {"type": "picture", "media": AVATAR, "thumbnail": AVATAR, "text": "Ось такий"}
LONG = {"type": "text", "text": "Чи буде завтра зранку свіжий житній хліб на заквасці? " * 6}


@operation("inbound message, nothing opened")
def _(shop: Shop) -> Act:
    shop.sent(shop.regular)
    return webhook(shop, shop.message(shop.regular.subscriber_id))


@operation("inbound message that opens contact and ticket")
def _(shop: Shop) -> Act:
    return webhook(shop, shop.message(shop.subscriber(), avatar=AVATAR))


@operation("the same with a picture")
def _(shop: Shop) -> Act:
    return webhook(shop, shop.message(shop.subscriber(), PICTURE, avatar=AVATAR))


@operation("inbound message after a closed ticket, which opens a new one")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    change(shop, talk, "closed")
    return webhook(shop, shop.message(talk.subscriber_id))


@operation("inbound message of 300 letters, nothing opened")
def _(shop: Shop) -> Act:
    return webhook(shop, shop.message(shop.regular.subscriber_id, LONG))


@operation("duplicate of an inbound message")
def _(shop: Shop) -> Act:
    body = shop.message(shop.regular.subscriber_id)
    shop.run(shop.webhook(body))
    return webhook(shop, body)


@operation("duplicate of an inbound message older than the last 20")
def _(shop: Shop) -> Act:
    subscriber_id = shop.subscriber()
    first = shop.message(subscriber_id)
    for body in (first, *(shop.message(subscriber_id) for _ in range(24))):
        shop.run(shop.webhook(body))
    return webhook(shop, first)


@operation("conversation started, with a welcome message")
def _(shop: Shop) -> Act:
    from chalicelib import bots

    bot = bots.get(shop.account_id, shop.bot.bot_id)
    bots.change_settings(bot, {"welcome_text": "Вітаємо!"}, by=shop.actor, now=shop.now)
    user = {"id": shop.subscriber(), "name": "Марічка Шевченко", **PROFILE}
    return webhook(
        shop, shop.told("conversation_started", type="open", user=user, subscribed=False)
    )


@operation("unsubscribed")
def _(shop: Shop) -> Act:
    return webhook(shop, shop.told("unsubscribed", user_id=shop.talk(1).subscriber_id))


# Receipts.


@operation("receipt: delivered")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    return receipt(shop, talk, "delivered", shop.sent(talk))


@operation("receipt: seen")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    token = shop.sent(talk)
    receipt(shop, talk, "delivered", token)()
    return receipt(shop, talk, "seen", token)


@operation("receipt: failed")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    return receipt(shop, talk, "failed", shop.sent(talk))


@operation("receipt of the subscriber's own message")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    body = shop.message(talk.subscriber_id)
    shop.run(shop.webhook(body))
    return receipt(shop, talk, "delivered", str(body["message_token"]))


@operation("receipt under a token nobody knows")
def _(shop: Shop) -> Act:
    return receipt(shop, shop.regular, "delivered", str(next(shop.tokens)))


@operation("duplicate of a receipt")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    token = shop.sent(talk)
    receipt(shop, talk, "delivered", token)()
    return receipt(shop, talk, "delivered", token)


@operation("duplicate of a receipt under a token nobody knows")
def _(shop: Shop) -> Act:
    token = str(next(shop.tokens))
    receipt(shop, shop.regular, "delivered", token)()
    return receipt(shop, shop.regular, "delivered", token)


@operation("receipt that may be an unknown message's")
def _(shop: Shop) -> Act:
    talk = shop.talk(1)
    lost(shop, talk)()
    return receipt(shop, talk, "delivered", str(next(shop.tokens)))
