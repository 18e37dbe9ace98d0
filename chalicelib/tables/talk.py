"""A talk and what is worked on in it: conversation, messages, tokens, ticket, contact."""

from typing import Any

from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib import config
from chalicelib.tables.attributes import ExpiresAt, Flag, Instant, Json, Text, TextList, Whole
from chalicelib.tables.item import Due, Item


class Conversation(Item):
    """Bot × subscriber: who he is, his current ticket, what was said last."""

    class Meta:
        table_name = config.name_of("conversations")

    key = Text(hash_key=True)
    item = Text(range_key=True, default="conversation")
    account_id = Text()
    bot_id = Text()
    subscriber_id = Text()
    revision = Whole(default=0)
    contact_id = Text(null=True)
    profile = Text(null=True)
    is_subscribed = Flag(default=False)
    subscription_at = Instant(null=True)
    context = Text(null=True)
    context_at = Instant(null=True)
    welcomed_at = Instant(null=True)
    ticket_id = Text(null=True)
    ticket_status = Text(null=True)
    last_inbound_at = Instant(null=True)
    last_message_id = Text(null=True)
    last_outgoing_id = Text(null=True)
    country = Text(null=True)
    talk = Json(null=True)
    tokens = TextList(default=list)


class Message(Item):
    """Anything said in a conversation: inbound, outgoing, note or system."""

    class Meta:
        table_name = config.name_of("conversations")

    due_index = Due()
    key = Text(hash_key=True)
    item = Text(range_key=True)
    message_id = Text()
    account_id = Text()
    ticket_id = Text()
    broadcast_id = Text(null=True)
    kind = Text()
    content = Json()
    at = Instant()
    received_at = Instant(null=True)
    token = Text(null=True)
    author_id = Text(null=True)
    author_name = Text(null=True)
    file_id = Text(null=True)
    file_state = Text(null=True)
    file_facts = Json(null=True)
    state = Text(null=True)
    money = Text(null=True)
    price_micros = Whole(null=True)
    price_kind = Text(null=True)
    priced_by = Whole(null=True)
    country = Text(null=True)
    session_id = Text(null=True)
    after_session_id = Text(null=True)
    run = Whole(null=True)
    posts_session = Flag(null=True)
    quota_month = Text(null=True)
    sender_name = Text(null=True)
    before_id = Text(null=True)
    sending_at = Instant(null=True)
    sending_by = Text(null=True)
    sent_at = Instant(null=True)
    delivered_at = Instant(null=True)
    seen_at = Instant(null=True)
    failed_at = Instant(null=True)
    reason = Text(null=True)
    viber_status = Whole(null=True)
    viber_words = Text(null=True)
    billing_status = Whole(null=True)
    due_shard = Text(null=True)
    due_at = Instant(null=True)
    tries = Whole(null=True)


class TokenItem(Item):
    """One Viber token of a conversation: ours that a message was sent under, or an orphan's.

    The worker that writes the token of a sent message and the receipt that arrives under it
    meet on this item; whoever comes second finds what the first has left. `paid` is what the
    entry of a priced message will say, until its price is posted.
    """

    class Meta:
        table_name = config.name_of("conversations")

    key = Text(hash_key=True)
    item = Text(range_key=True)
    token = Text()
    message_id = Text(null=True)
    sent_at = Instant(null=True)
    orphan_at = Instant(null=True)
    arrived_at = Instant(null=True)
    delivered_at = Instant(null=True)
    seen_at = Instant(null=True)
    failed_at = Instant(null=True)
    reason = Text(null=True)
    paid = Json(null=True)
    expires_at = ExpiresAt()


class SessionShelf(GlobalSecondaryIndex[Any]):
    """An account's sessions, live or closed, by when they began; nothing else is in it."""

    class Meta:
        index_name = "shelf"
        projection = AllProjection()

    shelf = Text(hash_key=True)
    shelf_order = Text(range_key=True)


class Session(Item):
    """A priced stretch of talk, as lists, reports and schedules see it.

    Its counts are those of its last change; while it is live the conversation's copy counts.
    `money` is `none`, `held`, `posted`, `voided` or `refunded`.
    """

    class Meta:
        table_name = config.name_of("conversations")

    due_index = Due()
    shelf_index = SessionShelf()
    key = Text(hash_key=True)
    item = Text(range_key=True)
    shelf = Text()
    shelf_order = Text()
    session_id = Text()
    account_id = Text()
    bot_id = Text()
    subscriber_id = Text()
    ticket_id = Text(null=True)
    contact_name = Text(null=True)
    state = Text()
    begun_at = Instant()
    ends_at = Instant()
    opened_at = Instant(null=True)
    closed_at = Instant(null=True)
    reason = Text(null=True)
    sent = Whole(default=0)
    unanswered = Whole(default=0)
    price_micros = Whole(default=0)
    money = Text(default="none")
    entry_id = Text(null=True)
    policy_version = Whole(default=1)
    due_shard = Text(null=True)
    due_at = Instant(null=True)


class Shelf(GlobalSecondaryIndex[Any]):
    """An account's tickets, active or not, by the subscriber's last word."""

    class Meta:
        index_name = "shelf"
        projection = AllProjection()

    shelf = Text(hash_key=True)
    shelf_order = Text(range_key=True)


class Ticket(Item):
    """A piece of work: status, assignee, participants, and what its row in the list shows."""

    class Meta:
        table_name = config.name_of("tickets")

    shelf_index = Shelf()
    key = Text(hash_key=True)
    shelf = Text()
    shelf_order = Text()
    ticket_id = Text()
    account_id = Text()
    bot_id = Text()
    subscriber_id = Text()
    contact_id = Text()
    contact_name = Text(null=True)
    subject = Text(default="")
    description = Text(null=True)
    previous_ticket_id = Text(null=True)
    status = Text()
    assignee_id = Text(null=True)
    participant_ids = TextList(default=list)
    is_unread = Flag(default=True)
    preview = Text(default="")
    preview_type = Text(default="text")
    preview_kind = Text(default="inbound")
    last_message_id = Text()
    last_outgoing_id = Text(null=True)
    last_inbound_at = Instant()
    created_at = Instant()
    updated_at = Instant()
    revision = Whole(default=0)


class ContactsOfBot(GlobalSecondaryIndex[Any]):
    """A bot's contacts; what it holds of one never changes, so no change of a card touches it."""

    class Meta:
        index_name = "bot"
        projection = KeysOnlyProjection()

    bot_id = Text(hash_key=True)
    subscriber_id = Text(range_key=True)


class Contact(Item):
    """The card of one subscriber in the account."""

    class Meta:
        table_name = config.name_of("contacts")

    due_index = Due()
    bot_index = ContactsOfBot()
    key = Text(hash_key=True)
    contact_id = Text()
    account_id = Text()
    bot_id = Text()
    subscriber_id = Text()
    name = Text(null=True)
    phone = Text(null=True)
    country = Text(null=True)
    language = Text(null=True)
    api_version = Whole(null=True)
    avatar_url = Text(null=True)
    avatar_file_id = Text(null=True)
    avatar_copied_from = Text(null=True)
    created_at = Instant()
    updated_at = Instant()
    due_shard = Text(null=True)
    due_at = Instant(null=True)
    tries = Whole(null=True)


class FirstAnswer(Item):
    """The first answer to an Idempotency-Key, and the plan of a reply too long for one write."""

    class Meta:
        table_name = config.name_of("answers")

    due_index = Due()
    key = Text(hash_key=True)
    fingerprint = Text()
    state = Text()
    answer = Json(null=True)
    plan = Json(null=True)
    started_at = Instant()
    expires_at = ExpiresAt()
    due_shard = Text(null=True)
    due_at = Instant(null=True)
