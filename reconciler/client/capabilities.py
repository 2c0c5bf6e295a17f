"""The features of the API that one run has detected from the responses."""


class Capabilities:
    """The detected features; shared by all requests of a run.

    `includeFields` is not on the API's public pages. It is used until a response shows that the API
    does not understand it. A record without `user_data` is then read again as a whole object and
    never counted as empty.
    """

    def __init__(self) -> None:
        self.narrow = True
        """Whether to ask for few fields (`includeFields`)."""
        self.answered = False
        """Whether the API has returned at least one record or page."""
