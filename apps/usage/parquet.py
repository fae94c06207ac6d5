"""The Parquet library, which few need and which is large, so that it is not installed with the others."""

from importlib.util import find_spec
from typing import Any

from apps.usage.errors import NoParquet


def is_there() -> bool:
    """Tell whether the package that reads and writes Parquet is installed."""
    return find_spec("pyarrow") is not None


def library() -> tuple[Any, Any]:
    """Return the package and its part for Parquet; refuses where it is not installed."""
    try:
        import pyarrow  # noqa: ICN001, PLC0415
        import pyarrow.parquet  # noqa: PLC0415
    except ImportError:
        raise NoParquet from None
    return pyarrow, pyarrow.parquet
