"""Requests about playbacks and recordings."""

from asyncio import Future

from ari_app.client.ask import Ask, as_list_of, as_model, as_nothing, part
from ari_app.models import LiveRecording, Playback, StoredRecording

_PLAYBACK = as_model(Playback)
_LIVE_RECORDING = as_model(LiveRecording)


class Playbacks:
    """Media being played."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get(self, playback_id: str) -> Future[Playback]:
        """One playback; AriNotFound once it has ended."""
        return self._ask("GET", f"playbacks/{part(playback_id)}", decode=_PLAYBACK)

    def stop(self, playback_id: str) -> Future[None]:
        """End it; AriNotFound if it has ended by itself."""
        return self._ask("DELETE", f"playbacks/{part(playback_id)}", decode=as_nothing)


class Recordings:
    """Recordings being made (live) and finished (stored); a name may hold slashes."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def get_live(self, name: str) -> Future[LiveRecording]:
        """A recording being made."""
        return self._ask("GET", f"recordings/live/{part(name)}", decode=_LIVE_RECORDING)

    def stop(self, name: str) -> Future[None]:
        """End and keep it."""
        return self._ask("POST", f"recordings/live/{part(name)}/stop", decode=as_nothing)

    def cancel(self, name: str) -> Future[None]:
        """End and discard it."""
        return self._ask("DELETE", f"recordings/live/{part(name)}", decode=as_nothing)

    def list_stored(self) -> Future[list[StoredRecording]]:
        """Every finished recording in the spool."""
        return self._ask("GET", "recordings/stored", decode=as_list_of(StoredRecording))

    def get_stored(self, name: str) -> Future[StoredRecording]:
        """A finished recording."""
        uri = f"recordings/stored/{part(name)}"
        return self._ask("GET", uri, decode=as_model(StoredRecording))

    def delete_stored(self, name: str) -> Future[None]:
        """Delete a finished recording from the spool."""
        return self._ask("DELETE", f"recordings/stored/{part(name)}", decode=as_nothing)
