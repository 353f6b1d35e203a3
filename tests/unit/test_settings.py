"""Settings: typed, from the environment, documented."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from ari_app.settings import AnswerPolicy, Settings
from ari_app.settings_page import page


def test_the_settings_page_in_the_docs_is_current() -> None:
    assert Path("docs/settings.md").read_text(encoding="utf-8") == page()


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_environment_wins_over_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLRI110_ANSWER", "on_connect")
    monkeypatch.setenv("POLRI110_TRUNK_UNITS", '{"trunk-telkom": "polda-12"}')
    settings = Settings()
    assert settings.answer is AnswerPolicy.ON_CONNECT
    assert settings.trunk_units == {"trunk-telkom": "polda-12"}


def test_a_value_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLRI110_RING_SECONDS", "-1")
    with pytest.raises(ValidationError):
        Settings()


def test_a_password_is_never_shown() -> None:
    assert "hunter2" not in repr(Settings(ari_password="hunter2"))  # type: ignore[arg-type]
