"""One row of a directory file: what may be said of a unit or a desk, and how it is taken over.

A row names its unit or desk by code and says only what it changes; a code that the directory does
not know yet adds one, for which everything needed must be said. Nothing is removed by silence.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from routing.directory import Desk, Directory, DirectoryError, Level, Unit
from routing.geo import Point
from routing.indonesia import is_in_indonesia


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _words(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
UnitCode = Annotated[
    str, Field(pattern=r"^(mabes|polda-\d{2}|polres-\d{4}[b-z]?|polsek-\d{6}[b-z]?)$")
]
# Desk codes are names of PJSIP endpoints; contacts and passwords stand in Asterisk's files, where
# a semicolon begins a comment.
DeskCode = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,59}$")]
Contact = Annotated[str, Field(pattern=r"^sips?:[^\s;,<>\"\\]{1,200}$")]
Password = Annotated[str, Field(pattern=r"^[!-:<-\[\]-~]{8,100}$")]
Kabupaten = Annotated[str, Field(pattern=r"^\d{4}$")]
Kecamatan = Annotated[str, Field(pattern=r"^\d{6}$")]
Seconds = Annotated[float, Field(gt=0, le=600)]
Metres = Annotated[float, Field(gt=0, le=10_000)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
OrEmpty = BeforeValidator(_empty_is_none)


class UnitRow(BaseModel):
    """A unit as a file states it; only `code` must be there."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    code: UnitCode
    name: Text = ""
    level: Level = Level.POLRES
    parent: Annotated[UnitCode | None, OrEmpty] = None
    connected: bool = True
    opened: bool = True
    ring_seconds: Annotated[Seconds | None, OrEmpty] = None
    lat: Annotated[Latitude | None, OrEmpty] = None
    lon: Annotated[Longitude | None, OrEmpty] = None
    radius_m: Annotated[Metres | None, OrEmpty] = None
    kabupaten: Annotated[tuple[Kabupaten, ...], BeforeValidator(_words)] = ()
    kecamatan: Annotated[tuple[Kecamatan, ...], BeforeValidator(_words)] = ()

    @model_validator(mode="after")
    def _place(self) -> Self:
        if (self.lat is None) != (self.lon is None):
            raise ValueError("lat and lon stand together or not at all")
        if self.point is not None and not is_in_indonesia(self.point):
            raise ValueError(f"{self.lat} {self.lon} is not in Indonesia")
        return self

    @property
    def point(self) -> Point | None:
        """Where the unit is."""
        return None if self.lat is None or self.lon is None else Point(self.lat, self.lon)

    @classmethod
    def of(cls, unit: Unit) -> "UnitRow":
        """The row that states all of a unit."""
        place = unit.point
        return cls.model_construct(
            code=unit.code,
            name=unit.name,
            level=unit.level,
            parent=unit.parent,
            connected=unit.connected,
            opened=unit.opened,
            ring_seconds=unit.ring_seconds,
            lat=None if place is None else place.lat,
            lon=None if place is None else place.lon,
            radius_m=unit.radius_m,
            kabupaten=unit.kabupaten,
            kecamatan=unit.kecamatan,
        )

    def onto(self, unit: Unit | None) -> Unit:
        """The unit with this row's statements; raises DirectoryError where too little is said."""
        said: dict[str, Any] = {field: getattr(self, field) for field in self.model_fields_set}
        if {"lat", "lon"} & said.keys():
            said.pop("lat", None), said.pop("lon", None)
            said["point"] = self.point
        if unit is not None:
            return replace(unit, **said)
        if missing := {"name", "level", "parent"} - said.keys():
            raise DirectoryError(f"{self.code} is new: {', '.join(sorted(missing))} must be said")
        return Unit(**said)


class DeskRow(BaseModel):
    """A desk as a file states it; only `code` must be there, and `unit` for a new one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: DeskCode
    unit: UnitCode = ""
    contact: Annotated[Contact | None, OrEmpty] = None
    password: Annotated[Password | None, OrEmpty] = Field(default=None, repr=False)
    enabled: bool = True

    @classmethod
    def of(cls, desk: Desk) -> "DeskRow":
        """The row that states all of a desk."""
        return cls.model_construct(
            code=desk.code,
            unit=desk.unit,
            contact=desk.contact,
            password=desk.password,
            enabled=desk.enabled,
        )

    def onto(self, desk: Desk | None) -> Desk:
        """The desk with this row's statements; raises DirectoryError where too little is said."""
        said: dict[str, Any] = {field: getattr(self, field) for field in self.model_fields_set}
        if desk is not None:
            return replace(desk, **said)
        if "unit" not in said:
            raise DirectoryError(f"{self.code} is new: its unit must be said")
        return Desk(**said)


def with_rows(
    directory: Directory | None, units: Iterable[UnitRow], desks: Iterable[DeskRow]
) -> Directory:
    """The directory with all the rows' statements; raises DirectoryError, and then none holds."""
    by_code = {} if directory is None else dict(directory.units)
    for unit in units:
        by_code[unit.code] = unit.onto(by_code.get(unit.code))
    every = [] if directory is None else list(directory.desks_by_unit.values())
    desk_by_code = {desk.code: desk for group in every for desk in group}
    for row in desks:
        desk_by_code[row.code] = row.onto(desk_by_code.get(row.code))
    return Directory.of(by_code.values(), desk_by_code.values())
