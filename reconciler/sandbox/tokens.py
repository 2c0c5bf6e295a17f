"""The sandbox's tokens and what each may do; no secret, they open nothing but the sandbox."""

from collections.abc import Mapping
from types import MappingProxyType

MANAGE = "sandbox-token-manage"
READ = "sandbox-token-read"
UPDATE = "sandbox-token-update"
NOTHING = "sandbox-token-nothing"

SCOPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        MANAGE: frozenset(("sms.manage",)),
        READ: frozenset(("sms.read",)),
        UPDATE: frozenset(("sms.read", "sms.update")),
        NOTHING: frozenset(("phonenumber.read",)),
    }
)
