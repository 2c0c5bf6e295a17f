"""What a run has found out about the API, and need not ask again."""


class Capabilities:
    """Whether the API may answer with few fields (`narrow`), and has answered at all.

    The parameter for few fields is not on the API's public pages. It is used until an answer shows
    that it is not understood; a record that then lacks `user_data` is asked for again, whole, and
    never taken for empty.
    """

    def __init__(self) -> None:
        self.narrow = True
        self.answered = False
