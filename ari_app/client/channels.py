"""Requests about channels: the legs of calls."""

from asyncio import Future
from collections.abc import Mapping, Sequence

from ari_app.client.ask import Ask, as_body, as_list_of, as_model, as_nothing, as_value, part
from ari_app.client.requests import Params
from ari_app.models import Channel, LiveRecording, Playback

_CHANNEL = as_model(Channel)
_PLAYBACK = as_model(Playback)
_LIVE_RECORDING = as_model(LiveRecording)


class Channels:
    """Legs of calls. Most requests need a channel that is in Stasis: AriConflict (409) if not."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list(self) -> Future[list[Channel]]:
        """Every channel of this Asterisk, whoever controls it."""
        return self._ask("GET", "channels", decode=as_list_of(Channel))

    def get(self, channel_id: str) -> Future[Channel]:
        """One channel; AriNotFound if it is gone."""
        return self._ask("GET", f"channels/{part(channel_id)}", decode=_CHANNEL)

    def originate(
        self,
        endpoint: str,
        *,
        channel_id: str | None = None,
        app: str | None = None,
        app_args: str | None = None,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
        caller_id: str | None = None,
        timeout: int | None = None,
        originator: str | None = None,
        formats: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Future[Channel]:
        """Dial an endpoint, into the application `app` or a dialplan place when it answers.

        `timeout` in whole seconds, -1 for none, Asterisk's default 30. `originator` is the id of
        the channel whose location and so on the new one inherits. AriRejected: no channel was
        made; AriServerError if the endpoint is unknown or has no contact, AriConflict if the id
        is taken. After such a conflict Asterisk 22.10.1 calls other failures a conflict too.
        """
        params = {
            "endpoint": endpoint,
            "channelId": channel_id,
            "app": app,
            "appArgs": app_args,
            "context": context,
            "extension": extension,
            "priority": priority,
            "callerId": caller_id,
            "timeout": timeout,
            "originator": originator,
            "formats": formats,
        }
        return self._ask("POST", "channels", params, as_body(variables), decode=_CHANNEL)

    def create(
        self,
        endpoint: str,
        *,
        app: str,
        channel_id: str | None = None,
        app_args: str | None = None,
        originator: str | None = None,
        formats: str | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> Future[Channel]:
        """Make a channel without dialling; `dial` it after its own StasisStart, not before."""
        params = {
            "endpoint": endpoint,
            "app": app,
            "channelId": channel_id,
            "appArgs": app_args,
            "originator": originator,
            "formats": formats,
        }
        return self._ask("POST", "channels/create", params, as_body(variables), decode=_CHANNEL)

    def dial(
        self, channel_id: str, *, caller: str | None = None, timeout: int | None = None
    ) -> Future[None]:
        """Dial a created channel; `timeout` in whole seconds."""
        return self._do("POST", channel_id, "/dial", {"caller": caller, "timeout": timeout})

    def answer(self, channel_id: str) -> Future[None]:
        """Answer towards the caller."""
        return self._do("POST", channel_id, "/answer")

    def ring(self, channel_id: str) -> Future[None]:
        """Let the caller hear ringback."""
        return self._do("POST", channel_id, "/ring")

    def ring_stop(self, channel_id: str) -> Future[None]:
        """End the ringback."""
        return self._do("DELETE", channel_id, "/ring")

    def progress(self, channel_id: str) -> Future[None]:
        """Signal early media (183) towards the caller."""
        return self._do("POST", channel_id, "/progress")

    def hangup(self, channel_id: str, *, reason_code: int | None = None) -> Future[None]:
        """End the channel, with a Q.850 cause; AriNotFound if it has gone already."""
        return self._do("DELETE", channel_id, "", {"reason_code": reason_code})

    def continue_in_dialplan(
        self,
        channel_id: str,
        *,
        context: str | None = None,
        extension: str | None = None,
        priority: int | None = None,
    ) -> Future[None]:
        """Let the channel leave the application and go on in the dialplan."""
        params = {"context": context, "extension": extension, "priority": priority}
        return self._do("POST", channel_id, "/continue", params)

    def move(self, channel_id: str, app: str, *, app_args: str | None = None) -> Future[None]:
        """Hand the channel to another Stasis application."""
        return self._do("POST", channel_id, "/move", {"app": app, "appArgs": app_args})

    def hold(self, channel_id: str) -> Future[None]:
        """Put the far end on hold."""
        return self._do("POST", channel_id, "/hold")

    def unhold(self, channel_id: str) -> Future[None]:
        """Take the far end back from hold."""
        return self._do("DELETE", channel_id, "/hold")

    def mute(self, channel_id: str, *, direction: str = "both") -> Future[None]:
        """Mute `both`, `in` or `out`."""
        return self._do("POST", channel_id, "/mute", {"direction": direction})

    def unmute(self, channel_id: str, *, direction: str = "both") -> Future[None]:
        """Unmute `both`, `in` or `out`."""
        return self._do("DELETE", channel_id, "/mute", {"direction": direction})

    def start_moh(self, channel_id: str, *, moh_class: str | None = None) -> Future[None]:
        """Play music on hold."""
        return self._do("POST", channel_id, "/moh", {"mohClass": moh_class})

    def stop_moh(self, channel_id: str) -> Future[None]:
        """Stop the music on hold."""
        return self._do("DELETE", channel_id, "/moh")

    def send_dtmf(self, channel_id: str, dtmf: str) -> Future[None]:
        """Send digits to the far end."""
        return self._do("POST", channel_id, "/dtmf", {"dtmf": dtmf})

    def play(
        self,
        channel_id: str,
        media: Sequence[str],
        *,
        playback_id: str | None = None,
        lang: str | None = None,
    ) -> Future[Playback]:
        """Play media (sound:<name>, tone:<name> ...) one after another in one playback."""
        params = {"media": media, "playbackId": playback_id, "lang": lang}
        uri = f"channels/{part(channel_id)}/play"
        return self._ask("POST", uri, params, decode=_PLAYBACK)

    def record(
        self, channel_id: str, name: str, *, format: str = "wav", if_exists: str = "fail"
    ) -> Future[LiveRecording]:
        """Record what this channel says into the spool as `name`.`format`."""
        params = {"name": name, "format": format, "ifExists": if_exists}
        uri = f"channels/{part(channel_id)}/record"
        return self._ask("POST", uri, params, decode=_LIVE_RECORDING)

    def get_variable(self, channel_id: str, variable: str) -> Future[str]:
        """Value of a channel variable or function; AriNotFound if it is not set."""
        uri = f"channels/{part(channel_id)}/variable"
        return self._ask("GET", uri, {"variable": variable}, decode=as_value)

    def set_variable(self, channel_id: str, variable: str, value: str) -> Future[None]:
        """Set a channel variable, or write to a function such as TIMEOUT(absolute)."""
        return self._do("POST", channel_id, "/variable", {"variable": variable, "value": value})

    def set_variables(self, channel_id: str, variables: Mapping[str, str]) -> Future[None]:
        """Set several channel variables in one request."""
        uri = f"channels/{part(channel_id)}/variables"
        return self._ask("POST", uri, None, as_body(variables), decode=as_nothing)

    def _do(
        self, method: str, channel_id: str, action: str, params: Params | None = None
    ) -> Future[None]:
        return self._ask(method, f"channels/{part(channel_id)}{action}", params, decode=as_nothing)
