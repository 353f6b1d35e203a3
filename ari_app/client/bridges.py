"""Requests about bridges."""

from asyncio import Future
from collections.abc import Sequence

from ari_app.client.ask import Ask, as_list_of, as_model, as_nothing, part
from ari_app.models import Bridge, LiveRecording, Playback

_BRIDGE = as_model(Bridge)
_PLAYBACK = as_model(Playback)
_LIVE_RECORDING = as_model(LiveRecording)


class Bridges:
    """What mixes the voices of channels."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def list(self) -> Future[list[Bridge]]:
        """Every bridge of this Asterisk."""
        return self._ask("GET", "bridges", decode=as_list_of(Bridge))

    def get(self, bridge_id: str) -> Future[Bridge]:
        """One bridge; AriNotFound if it is gone."""
        return self._ask("GET", f"bridges/{part(bridge_id)}", decode=_BRIDGE)

    def create(
        self, bridge_id: str, *, type: str = "mixing", name: str | None = None
    ) -> Future[Bridge]:
        """Make a bridge of `type` mixing, holding ...; it stays until it is destroyed.

        A bridge that exists under this id and type is returned as it is.
        """
        params = {"type": type, "name": name}
        return self._ask("POST", f"bridges/{part(bridge_id)}", params, decode=_BRIDGE)

    def destroy(self, bridge_id: str) -> Future[None]:
        """Take the bridge down; its channels stay up, outside of it."""
        return self._ask("DELETE", f"bridges/{part(bridge_id)}", decode=as_nothing)

    def add_channel(self, bridge_id: str, channels: Sequence[str]) -> Future[None]:
        """Put channels into the bridge. AriInvalid: no such channel; AriConflict: not in Stasis."""
        return self._members(bridge_id, "addChannel", channels)

    def remove_channel(self, bridge_id: str, channels: Sequence[str]) -> Future[None]:
        """Take channels out of the bridge; they stay in the application."""
        return self._members(bridge_id, "removeChannel", channels)

    def play(
        self,
        bridge_id: str,
        media: Sequence[str],
        *,
        playback_id: str | None = None,
        lang: str | None = None,
    ) -> Future[Playback]:
        """Play media one after another to everybody in the bridge."""
        params = {"media": media, "playbackId": playback_id, "lang": lang}
        return self._ask("POST", f"bridges/{part(bridge_id)}/play", params, decode=_PLAYBACK)

    def record(
        self, bridge_id: str, name: str, *, format: str = "wav", if_exists: str = "fail"
    ) -> Future[LiveRecording]:
        """Record the mix into the spool as `name`.`format`.

        Success is not yet a recording: RecordingFailed may follow, and the file may be empty.
        """
        params = {"name": name, "format": format, "ifExists": if_exists}
        uri = f"bridges/{part(bridge_id)}/record"
        return self._ask("POST", uri, params, decode=_LIVE_RECORDING)

    def start_moh(self, bridge_id: str, *, moh_class: str | None = None) -> Future[None]:
        """Play music on hold to the bridge."""
        uri = f"bridges/{part(bridge_id)}/moh"
        return self._ask("POST", uri, {"mohClass": moh_class}, decode=as_nothing)

    def stop_moh(self, bridge_id: str) -> Future[None]:
        """Stop the music on hold."""
        return self._ask("DELETE", f"bridges/{part(bridge_id)}/moh", decode=as_nothing)

    def _members(self, bridge_id: str, action: str, channels: Sequence[str]) -> Future[None]:
        uri = f"bridges/{part(bridge_id)}/{action}"
        return self._ask("POST", uri, {"channel": channels}, decode=as_nothing)
