"""Requests about applications, offered calls, endpoints and Asterisk itself."""

from asyncio import Future
from collections.abc import Mapping, Sequence
from typing import Any

from ari_app.client.ask import Ask, as_list_of, as_model, as_nothing, as_value, part
from ari_app.models import Application, AsteriskInfo, Endpoint, Ping

_APPLICATION = as_model(Application)


class Applications:
    """Stasis applications, their subscriptions and event filters."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list(self) -> Future[list[Application]]:
        """Every registered application."""
        return self._ask("GET", "applications", decode=as_list_of(Application))

    def get(self, app: str) -> Future[Application]:
        """One application with the channels and bridges that it holds."""
        return self._ask("GET", f"applications/{part(app)}", decode=_APPLICATION)

    def filter(self, app: str, allowed: Sequence[str]) -> Future[Application]:
        """Send only events of these types. RESTResponse must be among them: answers are events."""
        uri = f"applications/{part(app)}/eventFilter"
        return self._ask("PUT", uri, None, event_filter(allowed), decode=_APPLICATION)

    def subscribe(self, app: str, sources: Sequence[str]) -> Future[Application]:
        """Also send the events of channel:<id>, bridge:<id>, endpoint:<tech>/<name>."""
        uri = f"applications/{part(app)}/subscription"
        return self._ask("POST", uri, {"eventSource": sources}, decode=_APPLICATION)

    def unsubscribe(self, app: str, sources: Sequence[str]) -> Future[Application]:
        """Take subscriptions back."""
        uri = f"applications/{part(app)}/subscription"
        return self._ask("DELETE", uri, {"eventSource": sources}, decode=_APPLICATION)


class Events:
    """Offered calls."""

    def __init__(self, ask: Ask, app: str) -> None:
        self._ask = ask
        self._app = app

    def claim(self, channel_id: str) -> Future[None]:
        """Take an offered call. AriConflict: another application was first; AriNotFound: over."""
        params = {"channelId": channel_id, "application": self._app}
        return self._ask("POST", "events/claim", params, decode=as_nothing)


class Endpoints:
    """Peers and their state."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list(self, technology: str | None = None) -> Future[list[Endpoint]]:
        """All endpoints, or those of one technology, such as PJSIP."""
        uri = f"endpoints/{part(technology)}" if technology else "endpoints"
        return self._ask("GET", uri, decode=as_list_of(Endpoint))

    def get(self, technology: str, resource: str) -> Future[Endpoint]:
        """One endpoint."""
        uri = f"endpoints/{part(technology)}/{part(resource)}"
        return self._ask("GET", uri, decode=as_model(Endpoint))

    def send_message(self, *, to: str, sender: str, body: str) -> Future[None]:
        """Send a SIP MESSAGE; `to` as in pjsip:<endpoint>/sip:user@host."""
        params = {"to": to, "from": sender, "body": body}
        return self._ask("PUT", "endpoints/sendMessage", params, decode=as_nothing)


class Asterisk:
    """Asterisk itself."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def info(self) -> Future[AsteriskInfo]:
        """Version, entity id, start time."""
        return self._ask("GET", "asterisk/info", decode=as_model(AsteriskInfo))

    def ping(self) -> Future[Ping]:
        """Shows that requests are carried out."""
        return self._ask("GET", "asterisk/ping", decode=as_model(Ping))

    def get_variable(self, variable: str) -> Future[str]:
        """Value of a global variable, empty if it is not set."""
        return self._ask("GET", "asterisk/variable", {"variable": variable}, decode=as_value)

    def set_variable(self, variable: str, value: str) -> Future[None]:
        """Set a global variable."""
        params = {"variable": variable, "value": value}
        return self._ask("POST", "asterisk/variable", params, decode=as_nothing)


def event_filter(allowed: Sequence[str]) -> Mapping[str, Any]:
    """The body that sets an application's event filter."""
    return {"allowed": [{"type": kind} for kind in allowed]}
