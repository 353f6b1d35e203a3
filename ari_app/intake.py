"""An arriving channel -> the facts of a call: who calls, over which trunk, from where.

The dialplan's `sub-facts` writes the facts once, as `key=value` with URI-encoded values; the
Stasis application and FastAGI get the same words. Nothing that a caller can put into an INVITE
makes this raise.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from blocklist.number import Number, NumberKind, identify
from routing.geo import Fix, FixFault, RejectedFix, Source
from routing.sources import pani, pidf
from routing.sources.check import rejected
from routing.sources.pani import Cell

Found = Fix | RejectedFix

# What is kept of a value that the caller wrote: enough for any real one.
LONGEST_RAW = 300


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a call before anything is decided.

    channel is Asterisk's id of the caller's channel; fixes and rejected are what the network and
    the phone said of the caller's place, in the order of their sources; area are the kabupaten
    that a landline's area code names.
    """

    channel: str
    trunk: str
    dialled: str
    number: Number
    fixes: tuple[Fix, ...] = ()
    rejected: tuple[RejectedFix, ...] = ()
    area: tuple[str, ...] = ()

    def also(self, found: Iterable[Found]) -> "Facts":
        """These facts and further statements of where the caller is."""
        more = tuple(found)
        return replace(
            self,
            fixes=(*self.fixes, *(one for one in more if isinstance(one, Fix))),
            rejected=(*self.rejected, *(one for one in more if isinstance(one, RejectedFix))),
        )


@dataclass(frozen=True, slots=True)
class Lookups:
    """What turns names, cells and numbers into places; each is in memory, and raises nothing.

    civic: a civic address. cell: the place of a cell, None for one that is not in the table.
    area: a landline's candidate kabupaten and the fix made of them. reported: what phones said by
    AML of late, by number (Number.key).
    """

    civic: pidf.CivicLookup | None = None
    cell: Callable[[Cell], Found | None] | None = None
    area: Callable[[str], tuple[tuple[str, ...], Found | None]] | None = None
    reported: Callable[[int], Iterable[Found]] | None = None


NOTHING = Lookups()


def words(args: Iterable[str]) -> dict[str, str]:
    """`key=value` words with URI-encoded values -> a mapping; words without `=` are passed over."""
    found: dict[str, str] = {}
    for word in args:
        key, equals, value = word.partition("=")
        if equals:
            found[key] = unquote(value, errors="replace")[: LONGEST_RAW * 4]
    return found


def facts(channel: str, given: Mapping[str, str], lookups: Lookups = NOTHING) -> Facts:
    """Read the dialplan's facts of one call; every one of them may be missing or nonsense."""
    number = identify(
        num=given.get("num", "")[:LONGEST_RAW],
        pres=given.get("pres", ""),
        from_user=given.get("from", "")[:LONGEST_RAW],
        pai=given.get("pai", "")[:LONGEST_RAW],
    )
    found: list[Found] = []
    if (sent := _sent(given, lookups)) is not None:
        found.append(sent)
    if number.key is not None and lookups.reported is not None:
        found.extend(lookups.reported(number.key))
    if (cell := _cell(given, lookups)) is not None:
        found.append(cell)
    area: tuple[str, ...] = ()
    if number.kind is NumberKind.FIXED and number.e164 is not None and lookups.area is not None:
        area, place = lookups.area(number.e164)
        found.extend(() if place is None else (place,))
    return Facts(
        channel=channel,
        trunk=given.get("trunk", ""),
        dialled=given.get("dialled", ""),
        number=number,
        area=area,
    ).also(found)


def _sent(given: Mapping[str, str], lookups: Lookups) -> Found | None:
    """The location in the INVITE: PIDF-LO."""
    found = pidf.parse(
        given.get("geofmt", ""),
        given.get("geo", ""),
        given.get("geomethod", ""),
        given.get("georouting", ""),
        lookups.civic,
    )
    if found is None and (header := given.get("geohdr", "")):
        # A location was announced, and Asterisk could not read it.
        return rejected(Source.PIDF_LO, FixFault.MALFORMED, f"Geolocation: {header}")
    return found


def _cell(given: Mapping[str, str], lookups: Lookups) -> Found | None:
    """The serving cell, of P-Access-Network-Info or beside the asserted identity."""
    if lookups.cell is None:
        return None
    serving = pani.parse(given.get("pani", ""))
    cells = ((serving,) if serving else ()) + pani.parse_identity(given.get("pai", ""))
    for cell in cells:
        if (found := lookups.cell(cell)) is not None:
            return found
    return rejected(Source.CELL, FixFault.UNKNOWN_CELL, str(cells[0])) if cells else None
