"""docs/operations.md: what it tells an operator to watch and to set is what there is."""

import re
from pathlib import Path

from ari_app.settings import Settings
from tests.containers.compose import read_env

PAGE = Path("docs/operations.md")
RENDERED = {"POLRI110_TRUNKS", "POLRI110_SIP", "POLRI110_RTP"}  # `polri110 asterisk render`


def test_every_metric_of_the_application_is_on_the_page_and_no_other() -> None:
    sources = [*Path("ari_app").rglob("*.py"), *Path("agi").glob("*.py")]
    counted = {
        name for file in sources for name in re.findall(r'"(polri110_[a-z_]+)"', file.read_text())
    }
    documented = set(re.findall(r"`(polri110_[a-z_]+)", PAGE.read_text()))
    assert documented == counted


def test_every_setting_on_the_page_and_in_the_host_s_environment_exists() -> None:
    settings = {f"POLRI110_{name.upper()}" for name in Settings.model_fields} | RENDERED
    named = set(re.findall(r"POLRI110_[A-Z_0-9]+", PAGE.read_text()))
    assert named <= settings
    assert set(read_env(Path("asterisk-config/host/environment"))) <= settings
