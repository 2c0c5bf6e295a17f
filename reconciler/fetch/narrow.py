"""Whether the API answers with the few fields that are needed, found out on the way.

The parameter's name is not on the API's public pages. It is asked for until an answer shows that it
is not understood; a record that then lacks `user_data` is asked for again, whole, never taken for
empty.
"""


class Narrow:
    """What is known so far, for a whole run."""

    def __init__(self) -> None:
        self.on = True

    def refused(self) -> None:
        """The API does not do it: whole objects from here on."""
        self.on = False
