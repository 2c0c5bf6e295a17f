"""One row a kind: where the API keeps it and which of its fields nobody may change.

Sources: docs.carrierx.com, "Update Message" and "Update Message Detail Record", and the objects'
own pages. A new kind is a new row.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from msgspec import Struct

# Answers that say that there is no such record, any more: "calls can expire".
GONE = (404, 410)

MANAGED_FIELD = "user_data"


class Kind(Struct, frozen=True):
    """A collection of the API.

    `path` is the collection's path under the API's base URL; `noun` is what a person calls one of
    them; `read_only` are the documented fields other than user_data, old names included.
    `counted` tells whether a list says its total (detail records answer null).
    """

    name: str
    path: str
    sid_field: str
    noun: str
    counted: bool
    read_only: frozenset[str]


MESSAGES = Kind(
    name="messages",
    path="/sms/messages",
    sid_field="message_sid",
    noun="message",
    counted=True,
    read_only=frozenset(
        """
        date_changed date_created date_status_changed direction from from_did group_recipients
        mcc media_urls message message_segments message_sid mnc partner_sid price status to to_did
        type
        """.split()
    ),
)

MESSAGE_DRS = Kind(
    name="message_drs",
    path="/sms/message_drs",
    sid_field="dr_sid",
    noun="message detail record",
    counted=False,
    read_only=frozenset(
        """
        a2p_campaign date_changed date_insert date_sent date_start date_stop delay_sent direction
        dr_sid mcc mcc_mnc_price mcc_mnc_rate media_urls message message_segments mnc
        number_billing number_dst number_external number_group_dst number_src p2p_nnid partner_sid
        passthrough_price passthrough_rate price provider rate registration_type status type
        vendor_error_code version
        """.split()
    ),
)

KINDS: Mapping[str, Kind] = MappingProxyType({kind.name: kind for kind in (MESSAGES, MESSAGE_DRS)})

# Digits of ASCII alone: to `\d` and `uuid.UUID` Arabic ones are digits too. Matched to the very
# end: `$` lets a trailing newline pass. A SID becomes part of a path, where httpx resolves `..`.
_SID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_sid(text: str) -> bool:
    """Whether a text is a SID as we keep them: a UUID in lower case, and nothing else."""
    return _SID.fullmatch(text) is not None
