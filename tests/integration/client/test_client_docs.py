"""The example in docs/ari-client.md does what it says."""

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

from stack.asterisk import Asterisk

PAGE = Path(__file__).parents[3] / "docs" / "ari-client.md"


async def test_the_example_on_the_clients_page_runs(asterisk: Asterisk) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    defined: dict[str, Callable[..., Awaitable[list[str]]]] = {}
    exec(compile(example, str(PAGE), "exec"), defined)
    node = asterisk.options
    story = await defined["echo_desk"](asterisk.ari_url, node.ari_user, node.ari_password)
    assert story == [
        "connected",
        "0199.1.1 is Up",
        "it ended with cause 16",
        "The object does not exist, or no longer "
        "(POST channels/0199.1.1/answer: 404 Channel not found)",
    ]
