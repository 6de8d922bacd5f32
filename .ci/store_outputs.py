"""Run notebooks in order, in process, and write their outputs back: every stored output comes from one in-order run.

    python .ci/store_outputs.py [NOTEBOOK ...]      (all of nbs/ without arguments)

Cells that the tests skip (flags of settings.ini, `eval: false`) keep the output that they have.
"""
import os
import subprocess
import sys
from pathlib import Path

os.environ.update(IN_TEST="1", MPLBACKEND="module://matplotlib_inline.backend_inline", TQDM_DISABLE="1")
from execnb.nbio import read_nb, write_nb
from execnb.shell import CaptureShell
from fastcore.foundation import working_directory
from nbdev.config import get_config
from nbdev.process import NBProcessor


def skips(directives, flags):
    "Does a test run leave this cell out?"
    return directives.get("eval:", [""])[0].lower() == "false" or bool(flags & directives.keys())


def store(path):
    "Run one notebook and write it back; True when it ran to its end."
    flags = set(get_config().tst_flags.split())
    directives = {c.id: c.directives_ for c in NBProcessor(path, process=True).nb.cells if c.cell_type == "code"}
    nb = read_nb(path)
    shell = CaptureShell(path, mpl_format='png')  # not 'retina': twice the size of a page that nobody zooms into
    try:
        with working_directory(path.parent):
            shell.run_all(nb, exc_stop=True, preproc=lambda c: c.cell_type != "code" or skips(directives[c.id], flags))
    except Exception:
        print(shell.prettytb(fname=path), file=sys.stderr)
        return False
    for c in nb.cells:
        if c.cell_type == "code" and not skips(directives[c.id], flags):
            # progress bars and warnings are not for readers
            c.outputs = [o for o in c.outputs if o.get("name") != "stderr"]
    write_nb(nb, path)
    subprocess.run(["nbdev_clean", "--fname", str(path)], check=True, env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    return True


if __name__ == "__main__":
    root = get_config().nbs_path
    paths = [Path(p).resolve() for p in sys.argv[1:]] or sorted(p for p in root.rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts)
    failed = [p for p in paths if not (print(f"running {p.relative_to(root)}", flush=True), store(p))[1]]
    sys.exit(f"failed: {', '.join(p.name for p in failed)}" if failed else 0)
