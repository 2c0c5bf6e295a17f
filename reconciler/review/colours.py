"""Words -> coloured words, on a terminal that wants colour; otherwise the words."""

from msgspec import Struct

_RESET = "\x1b[0m"


class Paint(Struct, frozen=True):
    """The colours of our output; `Paint(on=False)` leaves every text as it is."""

    on: bool

    def added(self, text: str) -> str:
        """What comes: green."""
        return self._with("32", text)

    def changed(self, text: str) -> str:
        """What becomes something else: yellow."""
        return self._with("33", text)

    def removed(self, text: str) -> str:
        """What goes: red."""
        return self._with("31", text)

    def strong(self, text: str) -> str:
        """What the eye should find first."""
        return self._with("1", text)

    def dim(self, text: str) -> str:
        """What is there to look up."""
        return self._with("2", text)

    def _with(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}{_RESET}" if self.on else text
