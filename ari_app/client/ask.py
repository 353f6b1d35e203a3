"""How a resource asks, and what it makes of the answers."""

from asyncio import Future
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import orjson
from pydantic import BaseModel

from ari_app.client.requests import Decode, Params, Response

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class Ask(Protocol):
    """Sends a request and returns the future of its decoded answer."""

    def __call__(
        self,
        method: str,
        uri: str,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        decode: Decode[T],
    ) -> Future[T]: ...


def as_model(model: type[M]) -> Decode[M]:
    """Decode a JSON object."""
    validate = model.model_validate_json
    return lambda response: validate(response.body)


def as_list_of(model: type[M]) -> Decode[list[M]]:
    """Decode a JSON array of objects."""
    return lambda response: [model.model_validate(item) for item in orjson.loads(response.body)]


def as_nothing(_response: Response) -> None:
    """An answer without content."""


def as_value(response: Response) -> str:
    """Decode the value of a variable."""
    value: str = orjson.loads(response.body)["value"]
    return value


def part(name: str) -> str:
    """An id as one part of a path; Asterisk decodes it (RFC 3986 section 2.1)."""
    return name if name.isalnum() else quote(name, safe="")


def as_body(variables: Mapping[str, str] | None) -> Mapping[str, Any] | None:
    """Channel variables as a request's body."""
    return {"variables": dict(variables)} if variables is not None else None
