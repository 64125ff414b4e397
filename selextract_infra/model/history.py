"""ContainerHistory: what the sampler recorded of one container, as columns of numpy arrays."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

from selextract_infra.model.base import Frozen

__all__ = ["ContainerHistory", "FloatColumn", "IntColumn"]


_LARGEST = 2.0**62


def _floats(values: Any) -> NDArray[np.float64]:
    column = np.asarray(values, dtype=np.float64)
    if not np.isfinite(column).all():
        raise ValueError("a column has a number that is not finite")
    return column + 0.0  # without negative zeros


def _integers(values: Any) -> NDArray[np.int64]:
    column = np.asarray(values)
    if column.dtype.kind not in "iuf" or not np.isfinite(column).all() or (np.abs(column) > _LARGEST).any():
        raise ValueError("a column has a number that no count is")
    return column.astype(np.int64)


def _no_floats() -> NDArray[np.float64]:
    return np.empty(0)


def _no_integers() -> NDArray[np.int64]:
    return np.empty(0, np.int64)


def _plain(values: NDArray[Any]) -> list[Any]:
    return list(values.tolist())


_NUMBERS = WithJsonSchema({"type": "array", "items": {"type": "number"}})
_INTEGERS = WithJsonSchema({"type": "array", "items": {"type": "integer"}})
FloatColumn = Annotated[
    NDArray[np.float64], BeforeValidator(_floats), PlainSerializer(_plain, return_type=list), _NUMBERS
]
IntColumn = Annotated[
    NDArray[np.int64], BeforeValidator(_integers), PlainSerializer(_plain, return_type=list), _INTEGERS
]


class ContainerHistory(Frozen):
    """The sampler's buckets of one container, oldest first; all columns have the same length.

    ``at``: start of the bucket, Unix seconds. ``cpu``/``cpu_peak``: mean and highest sample, in cores. ``memory``:
    highest working set (without page cache), bytes. ``page_cache``: lowest active file cache, bytes. ``oom_kills`` and
    ``restarts``: how many in the bucket. ``samples``: how many samples were taken in the bucket. ``bucket_seconds``:
    length of a bucket; ``interval_seconds``: how far apart samples should be. ``memory_limit``: the limit in force in
    the bucket, bytes, 0 where there was none; the column is empty where the sampler did not record it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    name: str
    project: str | None = None
    service: str | None = None
    bucket_seconds: float = 60.0
    interval_seconds: float = 15.0
    at: IntColumn = Field(default_factory=_no_integers)
    cpu: FloatColumn = Field(default_factory=_no_floats)
    cpu_peak: FloatColumn = Field(default_factory=_no_floats)
    memory: IntColumn = Field(default_factory=_no_integers)
    page_cache: IntColumn = Field(default_factory=_no_integers)
    oom_kills: IntColumn = Field(default_factory=_no_integers)
    restarts: IntColumn = Field(default_factory=_no_integers)
    samples: IntColumn = Field(default_factory=_no_integers)
    memory_limit: IntColumn = Field(default_factory=_no_integers)

    @model_validator(mode="after")
    def _columns_match(self) -> ContainerHistory:
        for name in ("cpu", "cpu_peak", "memory", "page_cache", "oom_kills", "restarts", "samples"):
            if len(getattr(self, name)) != len(self.at):
                raise ValueError(f"column {name} has another length than at")
        if len(self.memory_limit) not in (0, len(self.at)):
            raise ValueError("column memory_limit has another length than at")
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ContainerHistory) and self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash((self.name, len(self.at)))
