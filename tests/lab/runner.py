"""Runs functions as tests: one line each with its seconds, then the closing line `N passed, N failed` alone on a line."""
import concurrent.futures
import re
import subprocess
import sys
import time
import traceback

CLOSING = re.compile(r"(\d+) passed, (\d+) failed")


def run_one(command, timeout):
    """Runs a command; returns (passed, seconds, output)."""
    start = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.terminate()  # lets it clean up; its namespaces end with it in any case
            try:
                output, _ = process.communicate(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                output, _ = process.communicate()
            output += f"\nno end after {timeout} s\n"
        except BaseException:
            process.terminate()
            process.wait(30)
            raise
    return process.returncode == 0, time.monotonic() - start, output


def report(name, passed, seconds, output):
    print(f"{'ok  ' if passed else 'FAIL'} {name}  {seconds:.1f} s", flush=True)
    if not passed:
        print("".join("     " + line + "\n" for line in output.splitlines() if not CLOSING.fullmatch(line)), end="", flush=True)


def run_all(commands, jobs, timeout):
    """Runs {name: command}, `jobs` at a time; prints and counts. Returns the exit code."""
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(run_one, command, timeout): name for name, command in commands.items()}
        try:
            for future in concurrent.futures.as_completed(futures):
                passed, seconds, output = future.result()
                failed += not passed
                report(futures[future], passed, seconds, output)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    print(f"{len(commands) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not commands else 0


def run_here(functions):
    """Runs functions in this process, one after the other. Returns the exit code."""
    failed = 0
    for function in functions:
        start = time.monotonic()
        try:
            function()
            report(function.__name__, True, time.monotonic() - start, "")
        except Exception:
            failed += 1
            report(function.__name__, False, time.monotonic() - start, traceback.format_exc())
    print(f"{len(functions) - failed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(__doc__)
