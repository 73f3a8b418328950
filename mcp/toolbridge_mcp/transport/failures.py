"""What it means that a request was sent and no whole answer came."""


class AnswerLost(Exception):
    """The request was sent and no whole answer came, so its effect is unknown.

    `late` is true when the deadline passed, and false when the connection broke. `begun` is true when the
    head of the answer had arrived.
    """

    def __init__(self, *, late: bool, begun: bool) -> None:
        super().__init__("the answer did not come in time" if late else "the connection broke")
        self.late = late
        self.begun = begun
