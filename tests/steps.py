"""The steps of tests/run, in two lanes that run side by side: one tests the release, the other, at the lowest priority, builds and tests with
the address and undefined-behaviour sanitizers; then the fuzzers, two at a time. A line per step with its seconds; the output of a failed step; then
the closing line `N passed, N failed`, summed over the tests of all steps.

usage: tests/run [--long] [--only STEP]... [--list]
  --long       longer campaigns: an hour of the simulator with its coverage gate, ten minutes of fuzzing per target
  --only STEP  only the steps with STEP in their name (what they need must be built already)
"""
import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
LAB = TOP / "tests" / "lab"
NICE = ["nice", "-n", "19"]


class Step:
    """`command` is run as it is; `skip` gives a reason why there is nothing to run yet (asked when its turn comes)."""

    def __init__(self, name, command, timeout=600, env=None, skip=None):
        self.name, self.command, self.timeout, self.env, self.skip = name, [str(c) for c in command], timeout, env or {}, skip


def counted(output, code):
    """(passed, failed) of a step: what its own closing line says, else one."""
    closing = re.findall(r"^(\d+) passed, (\d+) failed$", output, re.M)
    if closing:
        passed, failed = map(int, closing[-1])
        return passed, failed or int(code != 0)
    boost = re.findall(r"(\d+) test cases? out of (\d+) passed", output)
    if boost:
        passed, total = map(int, boost[-1])
        return passed, (total - passed) or int(code != 0)
    return (1, 0) if code == 0 else (0, 1)


class Tally:
    """What the lanes share: the sums, the screen, the processes to end when the run is ended."""

    def __init__(self):
        self.passed = self.failed = 0
        self.lock = threading.Lock()
        self.running = {}
        self.ended = False

    def say(self, text):
        with self.lock:
            print(text, flush=True)

    def run(self, step):
        """Runs one step; returns whether it passed."""
        reason = step.skip and step.skip()
        if reason:
            self.say(f"skip {step.name}: {reason}")
            return True
        start = time.monotonic()
        with tempfile.TemporaryFile("w+", errors="replace") as log:
            process = subprocess.Popen(step.command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                                       env={**os.environ, **step.env})
            with self.lock:
                self.running[step.name] = process
            try:
                code = process.wait(step.timeout)
            except subprocess.TimeoutExpired:
                end(process)
                log.write(f"\nno end after {step.timeout} s\n")
                code = -1
            with self.lock:
                del self.running[step.name]
            log.seek(0)
            output = log.read()
        passed, failed = counted(output, code)
        with self.lock:
            self.passed, self.failed = self.passed + passed, self.failed + failed
            print(f"{'FAIL' if failed else 'ok  '} {step.name}  {time.monotonic() - start:.0f} s  ({passed} passed, {failed} failed)", flush=True)
            if failed and not self.ended:
                print("".join(f"     {line}\n" for line in output.splitlines()[-400:]), end="", flush=True)
        return not failed

    def stop(self):
        with self.lock:
            self.ended = True
            for process in self.running.values():
                end(process)


def end(process):
    os.killpg(process.pid, signal.SIGTERM)  # a laboratory among them cleans up after itself
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


# --- the steps ---------------------------------------------------------------------------------------------------------------------------


def build(preset, directory, nice=()):
    script = f"cmake --preset {preset} && cmake --build {directory} -j {os.cpu_count()}"
    return Step(f"build-{preset}", [*nice, "sh", "-c", script], 3600, {"CMAKE_BUILD_PARALLEL_LEVEL": str(os.cpu_count())})


def program_tests(directory, suffix, nice=()):
    sanitizer = {"ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    for name in ("unit", "property", "transcripts", "sim", "shim"):
        program = TOP / directory / f"{name}-tests"
        # Its own network and mounts: nothing meets the machine's ports, and both lanes may run the same test.
        apart = ["unshare", "-n", "-m", "sh", "-c", 'ip link set lo up && exec "$@"', "-"] if name == "shim" else []
        yield Step(name + suffix, [*nice, *apart, program, "--report_level=short", "--color_output=no"], 1800, sanitizer if suffix else {},
                   lambda p=program: None if p.exists() else "there are none yet")


def seed_of_commit():
    """Every commit is tried with seeds of its own, the same ones each time."""
    head = subprocess.run(["git", "-c", "safe.directory=*", "rev-parse", "HEAD"], cwd=TOP, capture_output=True, text=True)
    return int(head.stdout[:12], 16) // 1000 * 1000 + 1 if head.returncode == 0 else 1


def simulator(long):
    program = TOP / "build" / "lockstep-sim"

    def absent():
        return None if program.exists() else "lockstep-sim is not there yet"
    # Every commit tries seeds of its own: five CPU minutes of them, an hour with the coverage gate in the long run.
    first, minutes = seed_of_commit(), 60 if long else 5
    yield Step(f"simulator, {minutes} CPU minutes from seed {first}",
               [program, "run", "--cpu-minutes", minutes, "--seed", first, "--save", TOP / "build" / "failures",
                "--require-coverage" if long else "--coverage"], 240 * minutes, skip=absent)
    yield Step("exhaustive search", [program, "explore", *([] if long else ["--quick"])], 20000 if long else 600, skip=absent)
    yield Step("exhaustive search with planted bugs", [program, "mutants", "--explore"], 1200, skip=absent)
    for plan in sorted((TOP / "tests" / "plans").glob("*.plan")):
        yield Step(f"plan {plan.stem}", [program, "plan", plan], 120, skip=absent)
    yield Step("shrinking of planted bugs", [sys.executable, TOP / "tests" / "sim" / "shrink.py", TOP / "build"], 900, skip=absent)
    yield Step("picture in a browser", [sys.executable, TOP / "tests" / "sim" / "picture_in_browser.py", program], 120,
               skip=lambda: absent() or (None if shutil.which("chromium") else "chromium is not installed (--long installs it)"))
    # Every planted bug must be noticed; without --long those that a plan is meant for.
    yield Step("mutants", [program, "mutants", *([] if long else ["--plans-only"])], 7200 if long else 900, skip=absent)


def determinism():
    """g++ and clang (the sanitizer build), twice each, and other wall clocks."""
    programs = [TOP / "build" / "lockstep-sim", TOP / "build-asan" / "lockstep-sim"]
    return Step("determinism", [*NICE, sys.executable, TOP / "tests" / "sim" / "determinism.py", "30", *programs], 900)


def fuzzing(long):
    seconds = 600 if long else 30
    for source in sorted((TOP / "fuzz").glob("*.cpp")):
        corpus = TOP / "fuzz" / "corpus" / source.stem
        found = TOP / "build-asan" / "found" / source.stem  # what is new stays here, crashes too
        command = (f"mkdir -p {found} && cd {found} && exec {TOP}/build-asan/fuzz-{source.stem} -max_total_time={seconds} -timeout=10 -rss_limit_mb=2048 "
                   f"-print_final_stats=1 {found} {corpus if corpus.exists() else ''}")
        yield Step(f"fuzz {source.stem}", [*NICE, "sh", "-c", command], seconds + 300)


def rounds(long):
    """One after the other; the lanes of a round run side by side."""
    first = [build("release", "build")]
    fast = [*program_tests("build", ""), Step("purity", ["tests/purity", "build/core/libcore.a", "core"]),
            Step("packaging", ["tests/packaging", "build"], 120), Step("laboratory", [sys.executable, LAB / "selftest.py"], 300), *simulator(long),
            Step("scenarios", [sys.executable, LAB / "run_scenarios.py"], 1500)]
    slow = [build("asan", "build-asan", NICE), *program_tests("build-asan", "-asan", NICE), determinism()]
    fuzz = list(fuzzing(long))  # a fuzzer is one process: two of them at a time, when both lanes are through
    return [[first], [fast, slow], [fuzz[::2], fuzz[1::2]]]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    wanted = [[[s for s in lane if not options.only or any(o in s.name for o in options.only)] for lane in lanes] for lanes in rounds(options.long)]
    if options.list or not any(any(lanes) for lanes in wanted):
        print("\n".join(s.name for lanes in rounds(options.long) for lane in lanes for s in lane))
        return 0 if options.list else f"no step has a name like that: {' '.join(options.only)}"
    for name, value in (("CCACHE_BASEDIR", str(TOP.parent)), ("CCACHE_NOHASHDIR", "1"), ("CCACHE_SLOPPINESS", "pch_defines,time_macros")):
        os.environ.setdefault(name, value)
    start, tally = time.monotonic(), Tally()

    def leave(number, _frame):
        raise SystemExit(128 + number)
    signal.signal(signal.SIGTERM, leave)
    try:
        for number, lanes in enumerate(wanted):
            threads = [threading.Thread(target=lambda steps=lane: [tally.run(s) for s in steps if not tally.ended], daemon=True) for lane in lanes]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            if number == 0 and tally.failed:
                break  # nothing was built
    finally:
        tally.stop()
    print(f"{(time.monotonic() - start) / 60:.1f} min")
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
