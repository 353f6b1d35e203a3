"""An arriving channel -> the facts of a call: who calls, over which trunk, from where.

The dialplan's `sub-facts` writes the facts once, as `key=value` with URI-encoded values; the
Stasis application and FastAGI get the same words. Nothing that a caller can put into an INVITE
makes this raise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from blocklist.number import Number, identify
from routing.geo import Fix, RejectedFix
from routing.sources import pidf

# What is kept of a value that the caller wrote: enough for any real one.
LONGEST_RAW = 300


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a call before anything is decided.

    channel is Asterisk's id of the caller's channel; fixes and rejected are what the network said
    of the caller's place.
    """

    channel: str
    trunk: str
    dialled: str
    number: Number
    fixes: tuple[Fix, ...] = ()
    rejected: tuple[RejectedFix, ...] = ()


def words(args: Iterable[str]) -> dict[str, str]:
    """`key=value` words with URI-encoded values -> a mapping; words without `=` are passed over."""
    found: dict[str, str] = {}
    for word in args:
        key, equals, value = word.partition("=")
        if equals:
            found[key] = unquote(value, errors="replace")[: LONGEST_RAW * 4]
    return found


def facts(channel: str, given: Mapping[str, str]) -> Facts:
    """Read the dialplan's facts of one call; every one of them may be missing or nonsense."""
    number = identify(
        num=given.get("num", "")[:LONGEST_RAW],
        pres=given.get("pres", ""),
        from_user=given.get("from", "")[:LONGEST_RAW],
        pai=given.get("pai", "")[:LONGEST_RAW],
    )
    fixes: list[Fix] = []
    refused: list[RejectedFix] = []
    match pidf.parse(
        given.get("geofmt", ""),
        given.get("geo", ""),
        given.get("geomethod", ""),
        given.get("georouting", ""),
    ):
        case Fix() as fix:
            fixes.append(fix)
        case RejectedFix() as refusal:
            refused.append(refusal)
        case None:
            pass
    return Facts(
        channel=channel,
        trunk=given.get("trunk", ""),
        dialled=given.get("dialled", ""),
        number=number,
        fixes=tuple(fixes),
        rejected=tuple(refused),
    )
