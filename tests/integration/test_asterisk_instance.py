"""An Asterisk instance: its own directories, full boot, nothing left behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ari_app.render import DeskEndpoint, RenderOptions, Trunk
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk
from stack.asterisk import running_asterisk
from stack.desk import answers, running_desk
from stack.ports import Ports
from stack.process import StackError
from stack.programs import Programs

RUNG = Rung("mabes", "Mabes Polri", "mabes", (RungDesk("mabes-desk1", "PJSIP/mabes-desk1"),), 10)


@pytest.fixture
def options(ports: Ports) -> RenderOptions:
    rtp = ports.block(100)
    return RenderOptions(
        ari_password="not-a-secret",
        default_plan=RoutePlan((RUNG,), PlanReason.NATIONAL_DEFAULT),
        trunks=(Trunk("trunk-test", ("127.0.0.1",)),),
        desks=(
            DeskEndpoint(
                "mabes-desk1", "mabes", "Mabes Polri", f"sip:mabes-desk1@127.0.0.1:{ports.any()}"
            ),
        ),
        sip_bind="127.0.0.1",
        sip_port=ports.any(),
        ari_port=ports.any(),
        agi_port=ports.any(),
        rtp_start=rtp.start,
        rtp_end=rtp.stop - 1,
        qualify_seconds=1,
    )


async def test_a_stopped_asterisk_leaves_no_process_and_no_file(
    programs: Programs, options: RenderOptions
) -> None:
    async with running_asterisk(programs, options) as asterisk:
        process = psutil.Process(asterisk.pid)
        assert process.name() == "asterisk"
        assert "22." in await asterisk.cli("core show version")
        assert (asterisk.spool / "recording").is_dir()
    assert not process.is_running()
    assert not asterisk.directory.exists()


async def test_two_instances_run_side_by_side(programs: Programs, options: RenderOptions) -> None:
    ports = Ports()
    other = RenderOptions(
        ari_password="not-a-secret",
        default_plan=options.default_plan,
        trunks=options.trunks,
        desks=options.desks,
        sip_bind="127.0.0.1",
        sip_port=ports.any(),
        ari_port=ports.any(),
    )
    async with (
        running_asterisk(programs, options) as one,
        running_asterisk(programs, other) as two,
    ):
        assert one.directory != two.directory
        assert str(options.sip_port) in await one.cli("pjsip show transports")
        assert str(other.sip_port) in await two.cli("pjsip show transports")
    ports.close()


async def test_an_asterisk_that_cannot_boot_says_why(
    programs: Programs, options: RenderOptions
) -> None:
    def spoil(etc: Path) -> None:
        (etc / "modules.conf").write_text("[modules]\nautoload=no\nrequire=no_such_module.so\n")

    with pytest.raises(StackError, match=r"ended while booting.*no_such_module"):
        async with running_asterisk(programs, options, amend=spoil):
            pass


async def test_a_killed_asterisk_is_seen_as_gone(
    programs: Programs, options: RenderOptions
) -> None:
    async with running_asterisk(programs, options) as asterisk:
        await asterisk.kill()
        assert not asterisk.child.running
        with pytest.raises(StackError, match="does not answer"):
            await asterisk.cli("core show uptime")


async def test_a_desk_is_reachable_when_it_is_there_and_not_afterwards(
    programs: Programs, options: RenderOptions
) -> None:
    contact = options.desks[0].contact
    assert contact is not None
    async with running_asterisk(programs, options) as asterisk:
        async with running_desk(programs, answers(), int(contact.rpartition(":")[2])):
            await asterisk.reachable("mabes-desk1")
        await asterisk.reachable("mabes-desk1", yes=False)


def test_a_killed_supervisor_leaves_no_process(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path; from stack.process import start\n"
        "async def main():\n"
        "    child = await start('child', ['sleep', '600'], Path(sys.argv[1]))\n"
        "    print(child.pid, flush=True); await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    supervisor = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "output")],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert supervisor.stdout is not None
    child = psutil.Process(int(supervisor.stdout.readline()))
    os.kill(supervisor.pid, signal.SIGKILL)
    supervisor.wait()
    supervisor.stdout.close()
    assert psutil.wait_procs([child], timeout=5)[1] == []
