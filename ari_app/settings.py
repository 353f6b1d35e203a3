"""Every setting of the service: one typed object, read once from POLRI110_* variables.

Units stand in the names: `_seconds`, `_ms`, `_m`. docs/settings.md is generated from this file.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class AnswerPolicy(StrEnum):
    """When the caller's call is answered towards the trunk."""

    AT_ONCE = "at_once"
    ON_CONNECT = "on_connect"


class Settings(BaseSettings):
    """Settings of every process of a node; the environment wins over the default."""

    model_config = SettingsConfigDict(env_prefix="POLRI110_", extra="ignore", frozen=True)

    # The node
    node: Annotated[str, Field(description="Name of this node, in every event it writes.")] = (
        "node-1"
    )
    data_dir: Annotated[
        Path, Field(description="Where journal, snapshots and recordings are kept.")
    ] = Path("var")

    # Asterisk
    ari_url: Annotated[str, Field(description="Base of Asterisk's HTTP server.")] = (
        "http://127.0.0.1:8088"
    )
    ari_user: Annotated[str, Field(description="ARI user, from ari.conf.")] = "polri110"
    ari_password: Annotated[SecretStr, Field(description="ARI password, from ari.conf.")] = (
        SecretStr("")
    )
    ari_app: Annotated[
        str, Field(description="Stasis application name; the dialplan offers calls to ^polri110.")
    ] = "polri110-1"
    ari_timeout_seconds: Annotated[
        float, Field(gt=0, description="Longest wait for the answer to one ARI request.")
    ] = 3.0
    agi_bind: Annotated[str, Field(description="Address of the FastAGI server.")] = "127.0.0.1"
    agi_port: Annotated[int, Field(description="Port of the FastAGI server.")] = 4573
    spool_dir: Annotated[
        Path, Field(description="Asterisk's spool directory as this process sees it.")
    ] = Path("/var/spool/asterisk")

    asterisk_spool_dir: Annotated[
        Path, Field(description="The same directory as Asterisk itself names it.")
    ] = Path("/var/spool/asterisk")

    # Postgres
    database_url: Annotated[
        SecretStr, Field(description="postgresql://user:password@host:port/database")
    ] = SecretStr("")

    # The call
    answer: Annotated[AnswerPolicy, Field(description="Answer at once, or when a desk does.")] = (
        AnswerPolicy.AT_ONCE
    )
    greeting: Annotated[bool, Field(description="Play greeting and recording notice.")] = True
    greeting_seconds: Annotated[
        float, Field(gt=0, description="Length of greeting and recording notice together.")
    ] = 10.0
    speech_seconds: Annotated[
        float, Field(gt=0, description="Length of any other announcement under the ringing.")
    ] = 6.0
    recording: Annotated[bool, Field(description="Record every connected call.")] = True
    ring_seconds: Annotated[
        float, Field(gt=0, description="Ring time of a rung whose unit has none of its own.")
    ] = 10.0
    desk_progress_ms: Annotated[
        int,
        Field(gt=0, description="A rung none of whose phones rings by then is unreachable."),
    ] = 900
    default_unit: Annotated[
        str, Field(description="Unit of a call about whose place nothing is known.")
    ] = "mabes"
    trunk_units: Annotated[
        dict[str, str],
        Field(description='Default unit of each trunk, as JSON: {"trunk-telkom": "polda-12"}.'),
    ] = {}
    trust_swapped_fix: Annotated[
        bool, Field(description="Route on a fix whose latitude and longitude were exchanged.")
    ] = False

    location_max_age_seconds: Annotated[
        float, Field(gt=0, description="A fix older than that is shown and not routed on.")
    ] = 600.0
    location_max_uncertainty_m: Annotated[
        float, Field(gt=0, description="A fix coarser than that is shown and not routed on.")
    ] = 20_000.0

    # Advanced Mobile Location
    aml_bind: Annotated[str, Field(description="Address on which AML reports are received.")] = (
        "127.0.0.1"
    )
    aml_port: Annotated[int, Field(description="Port on which AML reports are received.")] = 9111
    aml_certificate: Annotated[
        Path | None, Field(description="PEM file; AML is received by HTTPS with it, else by HTTP.")
    ] = None
    aml_certificate_key: Annotated[
        Path | None, Field(description="PEM file of the certificate's key, where it has its own.")
    ] = None
    aml_hmac_key: Annotated[
        SecretStr, Field(description="Reports not signed with it are passed over; empty: all pass.")
    ] = SecretStr("")
    aml_hmac_algorithm: Annotated[str, Field(description="sha1 or sha256.")] = "sha1"
    aml_keep_seconds: Annotated[
        float, Field(gt=0, description="How long a report waits for the call that it belongs to.")
    ] = 300.0
    aml_reports_per_minute: Annotated[
        int, Field(gt=0, description="Reports taken of one number a minute.")
    ] = 30
    aml_sender_reports_per_second: Annotated[
        int, Field(gt=0, description="Reports taken from one address a second.")
    ] = 200

    dead_mans_switch_seconds: Annotated[
        float,
        Field(gt=0, description="A waiting call whose processes died is Asterisk's after that."),
    ] = 3.0

    # Load
    handover_lag_ms: Annotated[
        int,
        Field(gt=0, description="Event lag at which calls are handed to the dialplan."),
    ] = 150
    handover_requests: Annotated[
        int,
        Field(gt=0, description="Unanswered ARI requests at which calls are handed over."),
    ] = 40
    handover_calls: Annotated[
        int,
        Field(gt=0, description="Calls in set-up at which further ones are handed over."),
    ] = 200

    # Operations
    metrics_port: Annotated[
        int, Field(description="Loopback port of /metrics and /health; 0 turns it off.")
    ] = 9110
    log_level: Annotated[str, Field(description="debug, info, warning or error.")] = "info"
