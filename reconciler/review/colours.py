"""Text -> the same text with ANSI colours, if the terminal shows colours."""

from msgspec import Struct

_RESET = "\x1b[0m"


class Paint(Struct, frozen=True):
    """The colours of the output."""

    on: bool
    """Whether to colour at all; if False, every method returns its text unchanged."""

    def added(self, text: str) -> str:
        """A value that is added: green."""
        return self._with("32", text)

    def changed(self, text: str) -> str:
        """A value that is replaced: yellow."""
        return self._with("33", text)

    def removed(self, text: str) -> str:
        """A value that is removed, or an error: red."""
        return self._with("31", text)

    def strong(self, text: str) -> str:
        """Text to read first: bold."""
        return self._with("1", text)

    def dim(self, text: str) -> str:
        """Text that is only for reference: dim."""
        return self._with("2", text)

    def _with(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}{_RESET}" if self.on else text
