"""The same plan has the same effects (oracle S20): run twice, built by two compilers, and with wall clocks that begin elsewhere and jump
by days. Compares the effect hashes of all plans of tests/plans and of random seeds in all modes.

usage: determinism.py SEEDS PROGRAM PROGRAM...     the first one is also run with other wall clocks
"""
import pathlib
import subprocess
import sys

PLANS = sorted((pathlib.Path(__file__).resolve().parents[1] / "plans").glob("*.plan"))


def hashes(program, seeds, *options):
    run = subprocess.run([program, "hashes", "--seeds", seeds, *options, *PLANS], check=True, capture_output=True, text=True)
    return run.stdout.splitlines()


def main():
    seeds, programs = sys.argv[1], sys.argv[2:]
    expected = hashes(programs[0], seeds)
    runs = {f"{program}, the {which} time": (program,) for program in programs for which in ("first", "second")}
    runs.update({f"{programs[0]} with wall clocks from {start}": (programs[0], "--wall", start) for start in ("1", "4102444800")})
    passed = failed = 0
    for name, (program, *options) in list(runs.items())[1:]:
        differ = [f"{a} != {b}" for a, b in zip(expected, hashes(program, seeds, *options)) if a != b]
        passed, failed = passed + (not differ), failed + bool(differ)
        print(f"{'FAIL' if differ else 'ok  '} {name}: {len(expected)} runs, {len(differ)} differ", *differ[:10], sep="\n     ")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or len(expected) < len(PLANS) + int(seeds) else 0


if __name__ == "__main__":
    sys.exit(main())
