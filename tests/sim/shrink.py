"""A planted bug becomes a plan that a person can read: `lockstep-sim mutants --shrink` goes from the first random seed that meets it to a
few lines, keeps them as a plan that names the bug, with its story beside it, and that plan is clean in the program without the bug.

usage: shrink.py BUILD-DIRECTORY [MUTANT...]
"""
import pathlib
import subprocess
import sys
import tempfile

BUGS = ["applied_out_of_order", "lease_outlives_takeover"]
MOST_FAULTS, MOST_OPERATIONS, MOST_LINES = 3, 1000, 16  # operations are one line, however many


def main():
    build, bugs = pathlib.Path(sys.argv[1]), sys.argv[2:] or BUGS
    failed = 0
    for bug in bugs:
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run([build / "lockstep-sim", "mutants", "--only", bug, "--shrink", "60", "--jobs", "1", "--save", folder],
                                 capture_output=True, text=True)
            print(run.stdout + run.stderr)
            kept = pathlib.Path(folder) / f"kills-{bug}.plan"
            lines = [l for l in (kept.read_text().splitlines() if kept.exists() else []) if not l.startswith("#")]
            faults = [l for l in lines if l.startswith("at ")]
            operations = [int(l.split()[4]) for l in lines if l.startswith("work ")]
            problems = [] if run.returncode == 0 and lines else ["no plan came out"]
            if len(faults) > MOST_FAULTS or len(lines) > MOST_LINES or any(n > MOST_OPERATIONS for n in operations):
                problems.append(f"{len(faults)} faults, {operations} operations, {len(lines)} lines are more than a person reads")
            if lines and f"kills {bug}" not in lines:
                problems.append("it does not name the bug")
            if lines and not all(kept.with_suffix(s).exists() for s in (".txt", ".html")):
                problems.append("its story is missing")
            if lines and subprocess.run([build / "lockstep-sim", "plan", kept], capture_output=True).returncode != 0:
                problems.append("it fails without the bug too")
        print(f"{'FAIL' if problems else 'ok  '} {bug}", *problems, sep=": ")
        failed += bool(problems)
    print(f"{len(bugs) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
