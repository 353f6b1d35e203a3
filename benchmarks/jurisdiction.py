"""Measures the jurisdiction: `python -m benchmarks.jurisdiction`.

Each figure is measured in a process that has done nothing else. Prints a table, and with --json
one object of {name: {value, unit}}.
"""

import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

LOOKUPS = 20_000
MEASURES = ("load", "lookup", "csv")


def main() -> None:
    """Run each measure in a fresh interpreter, or, given its name, in this one."""
    if sys.argv[1:] and sys.argv[1] in MEASURES:
        print(json.dumps(globals()[f"measure_{sys.argv[1]}"]()))
        return
    figures: dict[str, dict[str, object]] = {}
    for measure in MEASURES:
        command = [sys.executable, "-m", "benchmarks.jurisdiction", measure]
        figures |= json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    if "--json" in sys.argv:
        print(json.dumps(figures, indent=2))
        return
    for name, figure in figures.items():
        print(f"{name:42} {figure['value']:>10} {figure['unit']}")


def measure_load() -> dict[str, dict[str, object]]:
    """Seconds until the first lookup can be made, and resident memory then; all imports counted."""
    began = time.perf_counter()
    from routing.jurisdiction import Jurisdiction
    from routing.nation import load_nation
    from routing.units import national_directory

    imported = time.perf_counter()
    nation = load_nation()
    Jurisdiction(nation, national_directory(nation))
    loaded = time.perf_counter()
    return {
        "imports": {"value": round(imported - began, 3), "unit": "s"},
        "load of tables, directory and index": {"value": round(loaded - imported, 3), "unit": "s"},
        "resident memory then": {"value": round(_resident_mb(), 1), "unit": "MB"},
    }


def measure_lookup() -> dict[str, dict[str, object]]:
    """One lookup at places like those of calls: near villages, each at random once."""
    from routing.geo import Point
    from routing.jurisdiction import Jurisdiction
    from routing.nation import load_nation
    from routing.plan import make_plan
    from routing.units import national_directory

    nation = load_nation()
    directory = national_directory(nation)
    jurisdiction = Jurisdiction(nation, directory)
    chance = random.Random(110)
    villages = nation.villages
    points = [
        Point(
            float(villages.lat[index]) + chance.gauss(0, 0.02),
            float(villages.lon[index]) + chance.gauss(0, 0.02),
        )
        for index in chance.choices(range(len(villages.code)), k=LOOKUPS)
    ]
    lookups, plans = [], []
    for point in points:
        began = time.perf_counter_ns()
        verdict = jurisdiction.locate(point, 35.0)
        between = time.perf_counter_ns()
        make_plan(directory, verdict, None, "mabes", 10.0)
        plans.append(time.perf_counter_ns() - between)
        lookups.append(between - began)
    return {
        "lookup, median": {"value": round(statistics.median(lookups) / 1000, 1), "unit": "us"},
        "lookup, p99": {"value": _percentile_us(lookups, 99), "unit": "us"},
        "route plan, median": {"value": round(statistics.median(plans) / 1000, 1), "unit": "us"},
    }


def measure_csv() -> dict[str, dict[str, object]]:
    """100,000 points of Indonesia's bounding box, mostly sea, through the CSV router."""
    import io

    from routing.jurisdiction import Jurisdiction
    from routing.nation import load_nation
    from routing.route_csv import read_points, write_routes
    from routing.units import national_directory

    chance = random.Random(110)
    lines = ["lat,lon"] + [
        f"{chance.uniform(-10.5, 5.5):.6f},{chance.uniform(95, 141):.6f}" for _ in range(100_000)
    ]
    began = time.perf_counter()
    nation = load_nation()
    directory = national_directory(nation)
    jurisdiction = Jurisdiction(nation, directory)
    write_routes(list(read_points(lines)), jurisdiction, directory, 0.0, io.StringIO())
    seconds = time.perf_counter() - began
    return {"100,000 points by CSV": {"value": round(seconds, 2), "unit": "s"}}


def _percentile_us(nanoseconds: list[int], percent: int) -> float:
    return round(statistics.quantiles(nanoseconds, n=100)[percent - 1] / 1000, 1)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
