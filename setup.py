"""Everything about the package is in settings.ini; this file only hands it to setuptools."""
import shlex
from configparser import ConfigParser
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
parser = ConfigParser(delimiters=["="])
parser.read(HERE / "settings.ini", encoding="utf-8")
cfg = parser["DEFAULT"]

setup(
    name=cfg["lib_name"],
    version=cfg["version"],
    description=cfg["description"],
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=cfg["author"],
    author_email=cfg["author_email"],
    keywords=cfg["keywords"],
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=" + cfg["min_python"],
    packages=find_packages(include=["vidlib", "vidlib.*"]) + ["vidlib.shipped"],
    # data/published and data/results travel inside the wheel, beside the code that reads them
    package_dir={"vidlib.shipped": "data"},
    package_data={"vidlib.shipped": ["README.md", "published/*.csv", "results/*.csv", "results/*.png"]},
    install_requires=shlex.split(cfg["requirements"]),
    extras_require={"dev": shlex.split(cfg["dev_requirements"])},
    entry_points={
        "console_scripts": shlex.split(cfg["console_scripts"]),
        "nbdev": [f"{cfg['lib_path']}={cfg['lib_path']}._modidx:d"],
    },
    zip_safe=False,
)
