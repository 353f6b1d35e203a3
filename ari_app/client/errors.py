"""Why a request was not carried out. An error's docstring is its message."""

import orjson


class AriError(Exception):
    """Asterisk did not do what was asked."""

    def __init__(self, method: str = "", uri: str = "", *, status: int = 0, body: str = "") -> None:
        super().__init__(method, uri, status, body)
        self.method = method
        self.uri = uri
        self.status = status
        """HTTP status of the answer; 0 if there was none."""
        self.body = body
        """Asterisk's own words, or the reason."""

    def __str__(self) -> str:
        said = (self.__doc__ or "").strip().rstrip(".")
        asked = f"{self.method} {self.uri}".strip()
        answered = f"{self.status or ''} {self.body}".strip()
        details = ": ".join(detail for detail in (asked, answered) if detail)
        return f"{said} ({details})" if details else said


class AriRejected(AriError):  # noqa: N818
    """Asterisk rejected the request."""


class AriInvalid(AriRejected):
    """The request is not valid, or not in this state of the object."""


class AriUnauthorized(AriRejected):
    """Asterisk does not know this ARI user and password: compare ari.conf with the settings."""


class AriForbidden(AriRejected):
    """This ARI user may not do that: is it read_only in ari.conf?"""


class AriNotFound(AriRejected):
    """The object does not exist, or no longer."""


class AriConflict(AriRejected):
    """The object is in a state that does not allow it, or somebody else was first."""


class AriServerError(AriRejected):
    """Asterisk failed while carrying out the request."""


class AriUnexpectedAnswer(AriError):  # noqa: N818
    """Asterisk's answer does not have the form that its description promises."""


class AriTimeout(AriError):  # noqa: N818
    """Asterisk did not answer in time; whether it did what was asked is not known."""


class AriDisconnected(AriError):  # noqa: N818
    """No connection to Asterisk; whether a request in flight was carried out is not known."""


class AriReplaced(AriDisconnected):
    """Another process connected under the same application name and has its events now."""


_BY_STATUS: dict[int, type[AriRejected]] = {
    401: AriUnauthorized,
    403: AriForbidden,
    404: AriNotFound,
    409: AriConflict,
}


def rejected(method: str, uri: str, status: int, body: str) -> AriRejected:
    """The typed error for an answer with a status of 400 or more.

    `body` is the answer's; Asterisk puts its words into {"message": ...} or {"error": ...}.
    """
    kind = _BY_STATUS.get(status) or (AriServerError if status >= 500 else AriInvalid)
    return kind(method, uri, status=status, body=_words(body))


def _words(body: str) -> str:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(answer, dict):
        return body
    return str(answer.get("message") or answer.get("error") or body)
