"""The project's checks: notebooks and library in sync and clean, then every notebook run as a test.

    python .ci/check.py            (a few minutes on two cores; changes nothing when all is well)

Ends with `N passed, N failed`, a notebook or a check being one each, and exits with 1 when something failed.
"""
import hashlib
import json
import os
import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
NOTEBOOKS = sorted(p for p in (ROOT / "nbs").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)


def command(*words):
    "Run one of nbdev's commands in the repository; the finished process."
    env = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "MPLBACKEND": "agg", "TQDM_DISABLE": "1", "OMP_NUM_THREADS": "1"}  # two notebooks at a time, a core each
    return subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True)


def state():
    "What notebooks and library are, byte by byte."
    files = [*NOTEBOOKS, *(ROOT / "vidlib").rglob("*.py")]
    return {str(p.relative_to(ROOT)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def parse():
    "Every notebook is valid JSON with unique cell ids (nbdev_clean passes over broken ones in silence)."
    wrong = []
    for p in NOTEBOOKS:
        try:
            ids = [c["id"] for c in json.loads(p.read_text(encoding="utf-8"))["cells"]]
        except (ValueError, KeyError) as e:
            wrong.append(f"{p.relative_to(ROOT)}: {e!r}")
            continue
        if len(set(ids)) < len(ids):
            wrong.append(f"{p.relative_to(ROOT)}: a cell id stands twice")
    return wrong + ([] if NOTEBOOKS else ["there is no notebook under nbs/"])


def sync():
    "Cleaning and exporting change nothing, and every module has its notebook."
    before = state()
    for name in ("nbdev_clean", "nbdev_export"):
        done = command(name)
        if done.returncode:
            return [f"{name} failed: {done.stderr.strip()[-2000:]}"]
    after = state()
    wrong = [f"{f} changed: run nbdev_clean and nbdev_export, then commit" for f in sorted(before.keys() | after.keys()) if before.get(f) != after.get(f)]
    for p in (ROOT / "vidlib").rglob("*.py"):
        source = re.search(r"File to edit: (\S+)\.", p.read_text(encoding="utf-8"))
        if source and not (p.parent / source[1]).exists() and not (ROOT / "nbs" / source[1].split("nbs/")[-1]).exists():
            wrong.append(f"{p.relative_to(ROOT)}: its notebook {source[1]} is gone")
    return wrong


def stored():
    "Committed notebooks carry outputs, and none that changes from run to run, names a path of one machine or is an error."
    wrong = []
    for p in NOTEBOOKS:
        cells = [c for c in json.loads(p.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
        outputs = [o for c in cells for o in c["outputs"]]
        name = p.relative_to(ROOT)
        if not outputs:
            wrong.append(f"{name} carries no outputs: run .ci/store_outputs.py")
        if any(o["output_type"] == "error" for o in outputs):
            wrong.append(f"{name} carries an error")
        if re.search(r"(/home/|/root/|/tmp/|site-packages/|/Users/)", json.dumps(outputs)):
            wrong.append(f"{name} carries a path of one machine")
        if any("image/svg+xml" in o.get("data", {}) for o in outputs):
            wrong.append(f"{name} carries SVG, which differs from run to run")
    return wrong


def badges():
    "Every notebook opens in Colab from the repository that settings.ini names."
    cfg = ConfigParser(delimiters=["="])
    cfg.read(ROOT / "settings.ini", encoding="utf-8")
    where = "{user}/{repo}/blob/{branch}".format(**cfg["DEFAULT"])
    wrong = []
    for p in NOTEBOOKS:
        url = f"https://colab.research.google.com/github/{where}/{p.relative_to(ROOT).as_posix()}"
        if url not in p.read_text(encoding="utf-8"):
            wrong.append(f"{p.relative_to(ROOT)} has no badge with {url}")
    return wrong


def tests():
    "nbdev_test over all notebooks; the failed ones by name, and the seconds of each."
    done = command("nbdev_test", "--n_workers", "2", "--timing", "--do_print")
    finished = re.findall(r"^- Completed (.+)$", done.stdout, re.M)
    failed = re.search(r"nbdev Tests Failed.*?\n=+\n(.*)", done.stderr, re.S)
    failed = re.findall(r"^\s*(\S+\.ipynb)$", failed[1], re.M) or ["nbdev_test itself"] if failed else []
    sys.stderr.write(done.stderr)
    print(*re.findall(r"^\S+\.ipynb: \d+ secs$", done.stdout, re.M), sep="\n")
    for line in sorted(set(re.findall(r"^skipped: .*$", done.stdout, re.M))):
        print(line)
    if done.returncode and not failed:
        failed = ["nbdev_test itself"]
    # a skipped folder or notebook must not pass in silence
    missing = len(NOTEBOOKS) - len(set(finished)) - len(set(failed))
    return failed + ([f"{missing} notebooks were not run"] if missing > 0 else [])


if __name__ == "__main__":
    passed = failed = 0
    for check in (parse, sync, stored, badges, tests):
        wrong = check()
        for line in wrong:
            print(f"FAILED {check.__name__}: {line}")
        if check is tests:
            passed, failed = passed + len(NOTEBOOKS) - len(wrong), failed + len(wrong)
            print(f"{len(NOTEBOOKS)} notebooks tested")
        else:
            passed, failed = passed + (not wrong), failed + bool(wrong)
            if check is parse and wrong:
                break
    print(f"{passed} passed, {failed} failed")
    sys.exit(bool(failed))
