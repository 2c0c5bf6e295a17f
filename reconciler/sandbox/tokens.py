"""The sandbox's tokens and what each may do; no secret, they open nothing but the sandbox."""

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.kinds import KINDS

MANAGE = "sandbox-token-manage"
READ = "sandbox-token-read"
UPDATE = "sandbox-token-update"
NOTHING = "sandbox-token-nothing"

_OF_KINDS = [kind.scopes for kind in KINDS.values()]

SCOPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        MANAGE: frozenset(scopes.manage for scopes in _OF_KINDS),
        READ: frozenset(scopes.read for scopes in _OF_KINDS),
        UPDATE: frozenset(name for scopes in _OF_KINDS for name in (scopes.read, scopes.update)),
        NOTHING: frozenset(("phonenumber.read",)),
    }
)
