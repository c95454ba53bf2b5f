"""Energy that the processors used while something ran, where the machine says so."""

from __future__ import annotations

from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


class EnergyMeter:
    """Joules since the meter was made: all processor packages of the machine, with whatever else runs on it.

    Linux counts them for Intel and AMD (``intel-rapl``), mostly readable by root alone; virtual machines rarely have
    the counters. Memory, disks and GPUs are not in it.

    Args:
        folder: Where Linux shows its power zones.

    Source:
        https://docs.kernel.org/power/powercap/powercap.html
    """

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._zones = sorted(folder.glob("intel-rapl:[0-9]*"))
        # Packages alone: "intel-rapl:0:1" is a part of "intel-rapl:0".
        self._zones = [zone for zone in self._zones if zone.name.count(":") == 1]
        self._started = self._read()

    def joules(self) -> float | None:
        """Joules so far; None where no counter can be read."""
        now = self._read()
        if not self._started or now.keys() != self._started.keys():
            return None
        used = 0
        for zone, count in now.items():
            span = count - self._started[zone]
            used += span if span >= 0 else span + _number(zone / "max_energy_range_uj")  # the counter began again
        return used / 1e6

    def _read(self) -> dict[Path, int]:
        try:
            return {zone: _number(zone / "energy_uj") for zone in self._zones}
        except OSError:
            return {}


def _number(file: Path) -> int:
    return int(file.read_text(encoding="ascii"))
