"""What all parts of the policy share: frozen, no unknown keys, tables that cannot be changed, readings.

A section is a plain class that hands pydantic a schema made from its annotations, through the hook that pydantic has
for this. It is validated, compared and serialised like a model of pydantic's. There are two hundred kinds of section,
and making that many model classes takes longer than everything else that `policy check` does: as plain BaseModels with
``defer_build`` importing the policy took 1.37 times as long, loading the guide 1.43 times (medians of nine pairs). For
the same reason their annotations are not postponed: each would be compiled again.
"""

from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Generic, NoReturn, Self, TypeVar, Union, dataclass_transform, get_args, get_origin

from pydantic import AfterValidator, GetCoreSchemaHandler, TypeAdapter
from pydantic_core import core_schema

from selextract_infra.policy.units import Quantity

__all__ = ["FrozenTable", "Reading", "Section", "Table", "bound_annotations", "row_of", "section_in"]

Value = TypeVar("Value")
Anything = TypeVar("Anything")


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Section:
    """One part of the policy: immutable, and a key it does not know is an error."""

    __slots__ = ("__dict__", "__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__")

    def __init__(self, **values: Any) -> None:
        _validator(type(self)).validate_python(values, self_instance=self)

    @classmethod
    def annotations(cls) -> dict[str, Any]:
        """The type of each field, by name, in the order in which they are written."""
        annotations: dict[str, Any] = {}
        for kind in reversed(cls.__mro__):
            annotations |= vars(kind).get("__annotations__", {}) if kind is not Section else {}
        return annotations

    @classmethod
    def model_validate(cls, values: Any) -> Self:
        """The section that ``values`` describe; raises pydantic's ValidationError where they describe none."""
        section = object.__new__(cls)
        _validator(cls).validate_python(values, self_instance=section)
        return section

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """A copy in which some fields have other values; those are taken as they are, in base units."""
        return _rebuilt(type(self), vars(self) | dict(update))

    @classmethod
    def read(cls, value: Any) -> Any:
        """What is validated in place of ``value``; a section that can be written as one text overrides it."""
        return value

    def complaint(self) -> str | None:
        """What is wrong with the fields taken together, as a sentence; None where nothing is."""
        return None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        fields = {}
        for name, annotation in bound_annotations(source).items():
            schema = _schema(annotation, handler)
            if any(name in vars(kind) for kind in cls.__mro__ if kind not in Section.__mro__):
                schema = core_schema.with_default_schema(schema, default=getattr(cls, name))
            fields[name] = core_schema.model_field(schema)
        inner = core_schema.model_fields_schema(fields, extra_behavior="forbid", model_name=cls.__name__)
        schema = core_schema.model_schema(cls, inner, frozen=True)
        if cls.complaint is not Section.complaint:
            schema = core_schema.no_info_after_validator_function(_consistent, schema)
        if "read" in vars(cls):
            return core_schema.no_info_before_validator_function(cls.read, schema)
        return schema

    def __setattr__(self, name: str, value: Any) -> None:
        raise TypeError("the policy cannot be changed; load it again with overrides")

    def __delattr__(self, name: str) -> None:
        raise TypeError("the policy cannot be changed; load it again with overrides")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    def __hash__(self) -> int:
        return hash(tuple(vars(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        return iter(vars(self).items())

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), vars(self))


def _rebuilt(kind: type[Anything], values: Mapping[str, Any]) -> Anything:
    section = object.__new__(kind)
    vars(section).update(values)
    return section


def _schema(annotation: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    """What pydantic would make of an annotation, without its detours for those that make up nearly all of a policy."""
    section = section_in(annotation)
    if section is not None:
        return section.__get_pydantic_core_schema__(annotation, handler)
    if annotation is str:
        return core_schema.str_schema()
    inner, *metadata = get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)
    schema: core_schema.CoreSchema
    if metadata and isinstance(metadata[0], Quantity):
        schema, metadata = core_schema.no_info_plain_validator_function(metadata[0].parse), metadata[1:]
    elif metadata and get_origin(inner) is Mapping:
        schema = core_schema.dict_schema(core_schema.str_schema(), _schema(get_args(inner)[1], handler))
    elif get_origin(inner) in (Union, UnionType) and len(get_args(inner)) == 2 and get_args(inner)[1] is NoneType:
        schema = core_schema.nullable_schema(_schema(get_args(inner)[0], handler))
    else:
        return handler.generate_schema(annotation)
    for each in metadata:
        schema = core_schema.no_info_after_validator_function(each.func, schema)
    return schema


def bound_annotations(source: Any) -> dict[str, Any]:
    """The type of each field of a section, with a generic section's type variables filled in."""
    kind = section_in(source)
    if kind is None:
        return {}
    bound = dict(zip(getattr(kind, "__parameters__", ()), get_args(source), strict=False))
    return {name: _bound(annotation, bound) for name, annotation in kind.annotations().items()}


def _consistent(section: Section) -> Section:
    complaint = section.complaint()
    if complaint is not None:
        raise ValueError(complaint)
    return section


def _bound(annotation: Any, bound: Mapping[Any, Any]) -> Any:
    """The annotation with the type variables of a generic section filled in."""
    if not bound:
        return annotation
    if isinstance(annotation, TypeVar):
        return bound.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    return annotation[tuple(bound.get(each, each) for each in parameters)] if parameters else annotation


_VALIDATORS: dict[type[Section], Any] = {}


def _validator(kind: type[Section]) -> Any:
    """The validator of one kind of section by itself; made when it is first needed."""
    if kind not in _VALIDATORS:
        _VALIDATORS[kind] = TypeAdapter(kind).validator
    return _VALIDATORS[kind]


class FrozenTable(dict[str, Value]):
    """Rows by name, in the order in which they are written; changing one raises TypeError."""

    def _refuse(self) -> NoReturn:
        raise TypeError("the policy cannot be changed; load it again with overrides")

    def __setitem__(self, key: str, value: Value) -> NoReturn:
        self._refuse()

    def __delitem__(self, key: str) -> NoReturn:
        self._refuse()

    def clear(self) -> NoReturn:
        """Refused."""
        self._refuse()

    def pop(self, *_: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def popitem(self) -> NoReturn:
        """Refused."""
        self._refuse()

    def setdefault(self, *_: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def update(self, *_: Any, **__: Any) -> NoReturn:
        """Refused."""
        self._refuse()

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


Table = Annotated[Mapping[str, Value], AfterValidator(FrozenTable)]


class Reading(Section, Generic[Value]):
    """Something that the guide leaves open or says ambiguously.

    ``stated`` is what the guide (or the team's override) says, None where it says nothing; ``reading`` is what this
    project takes it to mean until somebody states it.
    """

    stated: Value | None = None
    reading: Value

    @property
    def value(self) -> Value:
        """What holds: what is stated, else our reading."""
        return self.reading if self.stated is None else self.stated

    @property
    def open(self) -> bool:
        """Whether nobody has stated it yet."""
        return self.stated is None


def section_in(kind: Any) -> type[Section] | None:
    """The kind of section that an annotation names, or None."""
    plain = get_origin(kind) or kind
    return plain if isinstance(plain, type) and issubclass(plain, Section) else None


def row_of(kind: Any) -> Any:
    """What the rows of a table are, None where an annotation names no table."""
    plain = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    return get_args(plain)[1] if get_origin(plain) is Mapping else None
