"""The kinds of records, one row per kind with everything that the code knows about it.

Sources: docs.carrierx.com, "Update Message" and "Update Message Detail Record", the pages of the
objects, "Partner scopes" and "Pagination".
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

# Statuses of a record that never existed, or no longer exists ("calls can expire").
GONE = (404, 410)

# The only field that is compared and written.
MANAGED_FIELD = "user_data"


class Scopes(Struct, frozen=True):
    """The scopes of a token that allow requests for a kind."""

    manage: str
    """Allows everything."""
    read: str
    """Allows GET."""
    update: str
    """Allows PATCH and PUT."""


class Kind(Struct, frozen=True):
    """One collection of the API. A new kind is a new row of `KINDS`.

    The order of the rows is the order of the kinds in manifests, plans and reports.
    """

    name: str
    """The key in a manifest and the first part of an address: `messages`."""
    path: str
    """The path of the collection below the API's base URL: `/sms/messages`."""
    sid_field: str
    """The field of the object that holds its SID: `message_sid`."""
    noun: str
    """The name of one record in sentences: `message detail record`."""
    counted: bool
    """Whether the answer to a list request has a total; otherwise it is null."""
    list_date: str
    """The date field by which a list is ordered and can be filtered."""
    page_dates: tuple[str, ...]
    """The date fields by which a list can be paged with `after` and `before`."""
    scopes: Scopes
    """The scopes that a token needs."""
    read_only: frozenset[str]
    """The documented fields other than user_data, earlier names included."""
    example: Mapping[str, object]
    """A complete object with its fields in the API's order; the sandbox makes records from it."""
    may_lack_user_data: bool = False
    """Whether whole objects of an earlier shape lack `user_data`, which then counts as empty."""
    may_share_sids_with: str = ""
    """A kind whose records may have the same SIDs, as the API's pages hint; empty for none."""


_SMS = Scopes("sms.manage", "sms.read", "sms.update")
_DATE = "2025-01-01T00:00:00.000Z"

MESSAGES = Kind(
    name="messages",
    path="/sms/messages",
    sid_field="message_sid",
    noun="message",
    counted=True,
    list_date="date_created",
    page_dates=("date_created",),
    scopes=_SMS,
    read_only=frozenset(
        """
        date_changed date_created date_status_changed direction from from_did group_recipients
        mcc media_urls message message_segments message_sid mnc partner_sid price status to to_did
        type
        """.split()
    ),
    example={
        "date_changed": _DATE,
        "date_created": _DATE,
        "date_status_changed": _DATE,
        "direction": "outbound",
        "from": "15162065575",
        "group_recipients": [],
        "mcc": 310,
        "media_urls": [],
        "message": "This is a test message",
        "message_segments": 1,
        "message_sid": "",
        "mnc": 999,
        "partner_sid": "e00430c3-a7d0-4666-ab5c-f7202448382f",
        "price": "0.01",
        "status": "delivered",
        "to": "15162065574",
        "type": "sms",
        "user_data": None,
    },
)

MESSAGE_DRS = Kind(
    name="message_drs",
    path="/sms/message_drs",
    sid_field="dr_sid",
    noun="message detail record",
    counted=False,
    list_date="date_start",
    page_dates=("date_insert", "date_stop"),
    scopes=_SMS,
    read_only=frozenset(
        """
        a2p_campaign date_changed date_insert date_sent date_start date_stop delay_sent direction
        dr_sid mcc mcc_mnc_price mcc_mnc_rate media_urls message message_segments mnc
        number_billing number_dst number_external number_group_dst number_src p2p_nnid partner_sid
        passthrough_price passthrough_rate price provider rate registration_type status type
        vendor_error_code version
        """.split()
    ),
    example={
        "a2p_campaign": None,
        "date_changed": _DATE,
        "date_insert": _DATE,
        "date_sent": _DATE,
        "date_start": _DATE,
        "date_stop": _DATE,
        "delay_sent": 0,
        "direction": "outbound",
        "dr_sid": "",
        "mcc": 310,
        "mcc_mnc_price": "0.015",
        "mcc_mnc_rate": "0.005",
        "media_urls": [],
        "message": None,
        "message_segments": 1,
        "mnc": 999,
        "number_billing": "12078152557",
        "number_dst": "17575000929",
        "number_external": "17575000929",
        "number_group_dst": [],
        "number_src": "12078152557",
        "p2p_nnid": None,
        "partner_sid": "8d180104-0b34-4e55-907f-4a72409484c9",
        "passthrough_price": None,
        "passthrough_rate": None,
        "price": "0.015",
        "provider": "tsg",
        "rate": "0.005",
        "registration_type": None,
        "status": "sent",
        "type": "sms",
        "user_data": None,
        "vendor_error_code": None,
        "version": None,
    },
    may_share_sids_with="messages",
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (MESSAGES, MESSAGE_DRS)})

# ASCII digits only: `\d` and `uuid.UUID` accept Arabic digits too. `fullmatch`, because `$` accepts
# a trailing newline. A SID becomes a part of a URL path, in which httpx would resolve `..`.
_SID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_sid(text: str) -> bool:
    """Whether a text is a SID in its normal form: a UUID in lower case."""
    return _SID.fullmatch(text) is not None


def collection_of(path: str) -> str:
    """The collection of a record's path: `/sms/messages` for `/sms/messages/097b49df-...`.

    Returns the path itself if it belongs to no kind.
    """
    paths = (kind.path for kind in KINDS.values())
    return next((one for one in paths if path == one or path.startswith(f"{one}/")), path)
