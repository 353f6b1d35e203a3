"""A typed client of the Asterisk REST Interface: one websocket, events in, requests out.

Requests are named as in ari-py: channels.originate, bridges.add_channel ... A request is on its
way when the method returns; the future that it returns is awaited for the result. So
`await ari.channels.answer(id)` waits, and requests made one after another before the first await
leave together and are carried out by Asterisk in that order:

    bridge = ari.bridges.create(bridge_id)
    leg = ari.channels.originate("PJSIP/polres-1271-desk1", app=ari.app)
    await asyncio.gather(bridge, leg)

Every future raises a subclass of AriError. Paths and parameters: Asterisk's rest-api/*.json.
"""

from ari_app.client.backoff import Backoff
from ari_app.client.client import AriClient
from ari_app.client.errors import (
    AriConflict,
    AriDisconnected,
    AriError,
    AriForbidden,
    AriInvalid,
    AriNotFound,
    AriRejected,
    AriReplaced,
    AriServerError,
    AriTimeout,
    AriUnauthorized,
    AriUnexpectedAnswer,
)
from ari_app.client.requests import Param, Params, Response

__all__ = [
    "AriClient",
    "AriConflict",
    "AriDisconnected",
    "AriError",
    "AriForbidden",
    "AriInvalid",
    "AriNotFound",
    "AriRejected",
    "AriReplaced",
    "AriServerError",
    "AriTimeout",
    "AriUnauthorized",
    "AriUnexpectedAnswer",
    "Backoff",
    "Param",
    "Params",
    "Response",
]
