from nextact.energy import EnergyMeter


def zone(folder, name, count, largest=1_000_000_000):
    place = folder / name
    place.mkdir(exist_ok=True)
    (place / "energy_uj").write_text(f"{count}\n")
    (place / "max_energy_range_uj").write_text(f"{largest}\n")


def test_packages_add_up_and_their_parts_do_not_count_twice(tmp_path):
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"):
        zone(tmp_path, name, 1_000_000)
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", 3_500_000)
    zone(tmp_path, "intel-rapl:0:0", 2_000_000)
    zone(tmp_path, "intel-rapl:1", 2_000_000)
    assert meter.joules() == 3.5


def test_a_counter_that_began_again_is_carried_over(tmp_path):
    zone(tmp_path, "intel-rapl:0", 9_000_000, largest=10_000_000)
    meter = EnergyMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", 500_000, largest=10_000_000)
    assert meter.joules() == 1.5


def test_a_machine_without_counters_says_nothing(tmp_path):
    assert EnergyMeter(tmp_path).joules() is None


def test_a_counter_that_may_not_be_read_says_nothing(tmp_path):
    (tmp_path / "intel-rapl:0" / "energy_uj").mkdir(parents=True)  # reading a folder fails for root too
    assert EnergyMeter(tmp_path).joules() is None
