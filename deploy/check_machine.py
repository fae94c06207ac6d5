"""Checks, before anything is installed, that this machine can run Meterbook; needs nothing but Python."""  # noqa: INP001

import ctypes
import importlib.util
import sys
from collections.abc import Iterator

# WeasyPrint's, in the names of Linux and macOS.
LIBRARIES = (
    ("libgobject-2.0.so.0", "libgobject-2.0.0.dylib"),
    ("libpango-1.0.so.0", "libpango-1.0.dylib"),
    ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib"),
    ("libharfbuzz.so.0", "libharfbuzz.0.dylib"),
    ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib"),
    ("libfontconfig.so.1", "libfontconfig.1.dylib"),
)


def problems() -> Iterator[str]:
    """Say what is missing, each with its remedy."""
    if sys.version_info < (3, 11):  # noqa: UP036  the very thing to find out
        yield (
            f"Python 3.11 or newer is needed, and {sys.executable} is {sys.version.split()[0]}. "
            "Name another one: make demo PYTHON=python3.12"
        )
    elif not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        yield (
            "This Python cannot make virtual environments. "
            "Debian and Ubuntu keep that apart: apt install python3-venv"
        )
    missing = [names[0] for names in LIBRARIES if not any(map(_loads, names))]
    if missing:
        yield (
            f"Libraries that set the PDF invoices are missing: {', '.join(missing)}. "
            "Debian and Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 · "
            "Fedora: dnf install pango · macOS: brew install pango"
        )


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


if __name__ == "__main__":
    found = list(problems())
    sys.exit("\n".join(found) if found else 0)
