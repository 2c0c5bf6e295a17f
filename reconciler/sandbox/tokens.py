"""The tokens of the sandbox and their scopes. They are not secret: no other API accepts them."""

from collections.abc import Mapping
from types import MappingProxyType

from reconciler.kinds import KINDS

MANAGE = "sandbox-token-manage"
"""Allows every request."""
READ = "sandbox-token-read"
"""Allows GET."""
UPDATE = "sandbox-token-update"
"""Allows GET, PATCH and PUT."""
NOTHING = "sandbox-token-nothing"
"""Has only a scope of another API, so that every request is answered with 403."""

_OF_KINDS = [kind.scopes for kind in KINDS.values()]

# The scopes of each token. Source: docs.carrierx.com, "Partner scopes".
SCOPES: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        MANAGE: frozenset(scopes.manage for scopes in _OF_KINDS),
        READ: frozenset(scopes.read for scopes in _OF_KINDS),
        UPDATE: frozenset(name for scopes in _OF_KINDS for name in (scopes.read, scopes.update)),
        NOTHING: frozenset(("phonenumber.read",)),
    }
)
