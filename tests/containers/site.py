"""What an operator writes for a node: .env, made from .env.example, and the file of its desks."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from stack.ports import Ports

TRUNK = "trunk-smoke"


def write_env(example: Path, target: Path, values: Mapping[str, str]) -> None:
    """The example with other values; raises KeyError for a name that it does not have."""
    wanted = dict(values)
    lines = []
    for line in example.read_text(encoding="utf-8").splitlines():
        name = line.partition("=")[0]
        lines.append(f"{name}='{wanted.pop(name)}'" if name in wanted else line)
    if wanted:
        raise KeyError(f"{example.name} has no {', '.join(wanted)}")
    target.write_text("\n".join(lines) + "\n", encoding="utf-8")


def node_values(ports: Ports, postgres_port: int) -> dict[str, str]:
    """A node on free ports of this machine's loopback, whose one trunk is the loopback itself."""
    rtp = ports.block(200)
    return {
        "POLRI110_ARI_PASSWORD": secrets.token_hex(16),
        "POSTGRES_PASSWORD": secrets.token_hex(16),
        "POLRI110_TRUNKS": f"{TRUNK}=127.0.0.1",
        "POLRI110_TRUNK_UNITS": json.dumps({TRUNK: "polda-12"}),
        "POLRI110_NODE": "smoke",
        "POLRI110_SIP": f"127.0.0.1:{ports.any()}",
        "POLRI110_RTP": f"{rtp.start}-{rtp.stop - 1}",
        "POLRI110_ARI_URL": f"http://127.0.0.1:{ports.any()}",
        "POLRI110_AGI_PORT": str(ports.any()),
        "POLRI110_AML_PORT": str(ports.any()),
        "METRICS_PORT_1": str(ports.any()),
        "METRICS_PORT_2": str(ports.any()),
        "COMPOSE_PROFILES": "cli",
        "POSTGRES_PORT": str(postgres_port),
    }


def write_desks(target: Path, units: Mapping[str, str], port: int) -> None:
    """The desks (code -> unit), all of them at this port of the loopback, as a CSV to import."""
    lines = [f"{desk},{unit},sip:{desk}@127.0.0.1:{port}" for desk, unit in units.items()]
    target.write_text("\n".join(["code,unit,contact", *lines]) + "\n", encoding="utf-8")
