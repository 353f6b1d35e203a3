"""docker/compose.yaml and what belongs to it: by the specification, and in agreement."""

import json
import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from ari_app.settings import Settings
from tests.containers.compose import (
    ComposeError,
    Service,
    filled,
    names,
    read_env,
    read_services,
)
from tests.containers.site import write_env

DOCKER = Path("docker")
COMPOSE = DOCKER / "compose.yaml"
EXAMPLE = DOCKER / ".env.example"
NEEDED = {"POLRI110_ARI_PASSWORD": "letters1", "POSTGRES_PASSWORD": "letters2"}
# Read by compose itself, and by `polri110 asterisk render`.
OTHERS = {"COMPOSE_PROFILES", "POLRI110_TRUNKS", "POLRI110_SIP", "POLRI110_RTP"}


@pytest.fixture
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return found


@pytest.fixture
def services(tmp_path: Path) -> dict[str, Service]:
    write_env(EXAMPLE, tmp_path / ".env", NEEDED)
    return read_services(COMPOSE, tmp_path / ".env")


@pytest.fixture
def schema() -> dict[str, Any]:
    """The Compose specification's own schema, as the package check-jsonschema ships it."""
    place = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    found: dict[str, Any] = json.loads((place / "compose-spec.json").read_text())
    return found


def test_the_compose_file_is_valid_by_the_specification(
    document: dict[str, Any], schema: dict[str, Any]
) -> None:
    assert [fault.message for fault in Draft202012Validator(schema).iter_errors(document)] == []


def test_the_specification_refuses_a_key_that_it_does_not_know(
    document: dict[str, Any], schema: dict[str, Any]
) -> None:
    document["services"]["agi"]["helthcheck"] = {}
    faults = [fault.message for fault in Draft202012Validator(schema).iter_errors(document)]
    assert any("helthcheck" in fault for fault in faults)


def test_every_variable_stands_in_the_example_and_every_one_there_is_used(
    document: dict[str, Any],
) -> None:
    used = set(names(document))
    settings = {f"POLRI110_{name.upper()}" for name in Settings.model_fields}
    documented = set(read_env(EXAMPLE))
    assert used <= documented
    assert documented <= used | settings | OTHERS


def test_a_value_of_the_example_is_taken_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in read_env(EXAMPLE).items():
        monkeypatch.setenv(name, value)
    assert Settings().trunk_units == {"trunk-telkom": "polda-12", "trunk-indosat": "mabes"}


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_a_password_that_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    write_env(EXAMPLE, tmp_path / ".env", {**NEEDED, missing: ""})
    with pytest.raises(ComposeError, match=missing):
        read_services(COMPOSE, tmp_path / ".env")


def test_without_its_profile_no_postgres_is_started(tmp_path: Path) -> None:
    write_env(EXAMPLE, tmp_path / ".env", {**NEEDED, "COMPOSE_PROFILES": ""})
    without = read_services(COMPOSE, tmp_path / ".env")
    assert "postgres" not in without
    assert all("postgres" not in service.after for service in without.values())


def test_taking_calls_waits_neither_for_postgres_nor_for_its_tables(
    services: dict[str, Service],
) -> None:
    def before(name: str) -> set[str]:
        direct = set(services[name].after)
        return direct.union(*(before(other) for other in direct))

    for name in ("asterisk", "app-1", "app-2", "agi", "aml"):
        assert before(name).isdisjoint({"postgres", "migrate"})


def test_the_two_applications_differ_in_name_and_port(services: dict[str, Service]) -> None:
    first, second = services["app-1"].environment, services["app-2"].environment
    for name in ("POLRI110_ARI_APP", "POLRI110_METRICS_PORT"):
        assert first[name] != second[name]
    assert {first["POLRI110_ARI_APP"][:8], second["POLRI110_ARI_APP"][:8]} == {"polri110"}


def test_the_services_of_a_node_listen_on_ports_of_their_own(
    services: dict[str, Service],
) -> None:
    of = services["app-1"].environment
    ports = [
        *(of[name] for name in ("POLRI110_AGI_PORT", "POLRI110_AML_PORT", "POSTGRES_PORT")),
        *(services[name].environment["POLRI110_METRICS_PORT"] for name in ("app-1", "app-2")),
        of["POLRI110_ARI_URL"].rpartition(":")[2],
        of["POLRI110_SIP"].rpartition(":")[2],
    ]
    assert len(set(ports)) == len(ports)


def test_whatever_runs_on_is_watched_and_restarted(document: dict[str, Any]) -> None:
    for name, stated in document["services"].items():
        if name not in ("migrate", "render", "cli"):
            assert stated["healthcheck"]["test"], name
            assert stated["restart"] == "unless-stopped", name


def test_our_containers_keep_no_capability_and_gain_none(document: dict[str, Any]) -> None:
    for name, stated in document["services"].items():
        if "build" in stated:
            assert stated["cap_drop"] == ["ALL"], name
            assert stated["security_opt"] == ["no-new-privileges:true"], name


@pytest.mark.parametrize("name", ["app", "asterisk"])
def test_an_image_runs_as_a_user_of_its_own(name: str) -> None:
    user = re.findall(r"(?m)^USER (\S+)$", (DOCKER / f"{name}.Dockerfile").read_text())
    assert user[-1:] not in ([], ["root"], ["0"])


def test_both_images_agree_on_who_owns_the_spool() -> None:
    owners = {
        name: re.findall(r"--(?:gid|uid) (\d+) ?(\S*)", (DOCKER / f"{name}.Dockerfile").read_text())
        for name in ("app", "asterisk")
    }
    assert owners["app"][0] == owners["asterisk"][0] == ("11000", "polri110")
    assert "-o 11001 " in (DOCKER / "app.Dockerfile").read_text()
    assert owners["asterisk"][1][0] == "11001"
    assert "-o 11002 " in (DOCKER / "asterisk.Dockerfile").read_text()
    assert owners["app"][1][0] == "11002"


def test_an_image_of_others_is_pinned_by_its_version(services: dict[str, Service]) -> None:
    others = [service.image for service in services.values() if service.dockerfile is None]
    assert others
    assert all(re.fullmatch(r"[a-z]+:\d+\.\d+", image) for image in others)


def test_variables_are_filled_in_wherever_they_stand() -> None:
    stated = {"a": ["${ONE}", "x-${TWO:-two}"], "b": "$${ONE} ${EMPTY:-left}", "c": 3}
    assert filled(stated, {"ONE": "1", "EMPTY": ""}) == {
        "a": ["1", "x-two"],
        "b": "${ONE} left",
        "c": 3,
    }


def test_a_value_in_quotes_is_read_without_them(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text('# A=1\nB="two words"\nC=\'{"a": "b"}\'\n\nD=a=b\n')
    assert read_env(file) == {"B": "two words", "C": '{"a": "b"}', "D": "a=b"}
