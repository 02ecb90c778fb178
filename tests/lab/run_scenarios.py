"""Runs the scenarios on real nodes, one line each, then the closing line `N passed, N failed`.

usage: run_scenarios.py [-k NAME] [-j JOBS] [--list] [--keep] [--here]
  -k NAME  only those whose file or name has NAME in it      --keep  keep the laboratory's files of each
  --here   in this process, one after the other, output as it comes (for looking into one)
"""
import argparse
import functools
import importlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
from tests.lab import lab, runner  # noqa: E402

FILES = ("start", "failover", "isolation", "arbiter", "errd", "bad_input")
SECONDS = 300  # no scenario may take longer


def scenarios():
    return {f"{file}.{function.__name__}": function for file in FILES
            for function in importlib.import_module(f"tests.scenarios.{file}").SCENARIOS}


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("-k", default="")
    parser.add_argument("-j", type=int, default=2)
    for flag in ("--list", "--keep", "--here"):
        parser.add_argument(flag, action="store_true")
    options = parser.parse_args()
    known = scenarios()
    chosen = {options.k: known[options.k]} if options.k in known else {n: f for n, f in known.items() if options.k in n}
    if options.list:
        print("\n".join(chosen))
        return 0
    if not chosen:
        sys.exit(f"no scenario has \"{options.k}\" in its name: --list shows them")
    if options.keep:
        lab.Lab.__init__ = functools.partialmethod(lab.Lab.__init__, keep=True)
    lab.end_on_signals()
    if options.here:
        return runner.run_here(chosen.values())
    more = ["--keep"] if options.keep else []
    return runner.run_all({name: [sys.executable, __file__, "--here", "-k", name, *more] for name in chosen}, options.j, SECONDS)


if __name__ == "__main__":
    sys.exit(main())
