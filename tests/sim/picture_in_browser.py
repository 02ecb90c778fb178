"""A page of `lockstep-sim plan --html`, opened in a real browser: its script runs without an error and draws both nodes.

usage: picture_in_browser.py LOCKSTEP_SIM
"""
import pathlib
import re
import subprocess
import sys
import tempfile

PLAN = pathlib.Path(__file__).resolve().parents[1] / "plans" / "isolation-one-network.plan"


def main():
    with tempfile.TemporaryDirectory() as here:
        page = pathlib.Path(here) / "page.html"
        subprocess.run([sys.argv[1], "plan", PLAN, "--html", page], check=True, stdout=subprocess.DEVNULL)
        browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1500,1000", f"--user-data-dir={here}/profile",
                   "--virtual-time-budget=3000", "--enable-logging=stderr", "--dump-dom", page.as_uri()]
        run = subprocess.run(browser, check=True, capture_output=True, text=True, timeout=90)
    errors = [line for line in run.stderr.splitlines() if "CONSOLE" in line]
    svg = re.search(r'<svg id="s".*?</svg>', run.stdout, re.S)
    checks = {
        "the script runs without a word on the console": not errors,
        "the drawing is there": svg is not None,
        "both nodes are drawn": svg and all(f">node {n}</text>" in svg[0] for n in "ab"),
        "states have names": svg and ">ALONE</text>" in svg[0] and ">SECOND</text>" in svg[0],
        "messages, operations and bands are drawn": svg and svg[0].count("<line") > 100 and svg[0].count("<rect") > 20,
        "lost messages are marked": svg and "lost: heartbeat" in svg[0],
        "the time in which both serve is marked": svg and "both nodes serve" in svg[0],
    }
    for what, holds in checks.items():
        print(f"{'ok  ' if holds else 'FAIL'} {what}")
    print("\n".join(errors))
    failed = sum(not holds for holds in checks.values())
    print(f"{len(checks) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
