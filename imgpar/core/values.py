"""`dataclass` and `NamedTuple` as in the standard library, made in a tenth and a third of the time.

A run begins with two hundred such classes. `dataclasses` compiles up to seven methods for each: 0.3 ms.
Here `__init__` is compiled when the first instance is made, and the other methods are closures. `typing`
compiles the annotation of each field of a named tuple; here it stays a text.
"""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from inspect import Signature
    from typing import NamedTuple as NamedTuple
else:

    def dataclass(
        cls: type | None = None,
        /,
        *,
        frozen: bool = False,
        slots: bool = False,
        eq: bool = True,
        repr: bool = True,  # noqa: A002
        kw_only: bool = False,
    ) -> Any:
        """Make a class a dataclass; arguments and result are those of `dataclasses.dataclass`."""

        def made(cls: type) -> type:
            # A subclass of a frozen class has to be frozen from the start.
            inherited = frozen and any(map(_is_frozen, cls.__mro__[1:]))
            cls.__doc__ = cls.__doc__ or cls.__name__  # else the signature would be compiled for it
            cls = dataclasses.dataclass(
                init=False, repr=False, eq=False, frozen=inherited, slots=slots, kw_only=kw_only
            )(cls)
            _complete(cls, frozen=frozen, slots=slots, eq=eq, with_repr=repr)
            return cls

        return made if cls is None else made(cls)

    class _NamedTupleKind(type):
        """Makes a named tuple of a class that derives from `NamedTuple`."""

        def __new__(cls, name: str, bases: tuple[type, ...], own: dict[str, Any]) -> type:
            if not bases:
                return type.__new__(cls, name, bases, own)
            fields = own.pop("__annotations__", {})
            defaults = [own.pop(field) for field in fields if field in own]
            made = namedtuple(name, fields, defaults=defaults, module=own.pop("__module__"))
            made.__annotations__ = made.__new__.__annotations__ = fields
            for each, value in own.items():
                setattr(made, each, value)
            return made

    class NamedTuple(metaclass=_NamedTupleKind):
        """Named tuples are declared as with `typing.NamedTuple`; annotations have to be texts."""


_MISSING = dataclasses.MISSING
_set = object.__setattr__
_pending: dict[type, Callable[[], None]] = {}
"""Classes whose `__init__` has not been compiled."""


def compile_pending() -> None:
    """Compile every `__init__` now: in a process that is about to be copied many times."""
    for finish in list(_pending.values()):
        finish()


def _is_frozen(cls: type) -> bool:
    parameters = vars(cls).get("__dataclass_params__")
    return parameters is not None and parameters.frozen


def _complete(cls: type, *, frozen: bool, slots: bool, eq: bool, with_repr: bool) -> None:
    """Add the methods that the standard library was told to leave out."""
    own, fields = dict(vars(cls)), dataclasses.fields(cls)
    parameters: Any = own["__dataclass_params__"]
    parameters.init, parameters.repr, parameters.eq, parameters.frozen = True, with_repr, eq, frozen
    methods: dict[str, Any] = {}
    if "__init__" not in own:
        methods |= {"__init__": _first_init(cls, fields, frozen=frozen), "__signature__": _Signature(cls)}
    if with_repr:
        methods["__repr__"] = _repr_of([field.name for field in fields if field.repr])
    if eq:
        methods |= _comparing(fields, hashed=frozen)
    if frozen and slots:  # pickle would set their attributes
        methods |= {"__getstate__": _getstate, "__setstate__": _setstate}
    for name, method in methods.items():
        if own.get(name) is None:
            setattr(cls, name, method)
    if frozen and "__setattr__" not in own:
        _freeze(cls, frozenset(field.name for field in fields))


# ----- __init__ ---------------------------------------------------------------------------------------


def _first_init(cls: type, fields: Sequence[dataclasses.Field[Any]], *, frozen: bool) -> Callable[..., None]:
    """An `__init__` that compiles the real one."""

    def finish() -> None:
        if _pending.pop(cls, None) is not None:
            cls.__init__ = _compiled_init(cls, fields, frozen=frozen)  # type: ignore[misc]

    def __init__(self: Any, *args: Any, **given: Any) -> None:  # noqa: N807
        finish()
        cls.__init__(self, *args, **given)  # type: ignore[misc]

    _pending[cls] = finish
    return __init__


def _compiled_init(
    cls: type, fields: Sequence[dataclasses.Field[Any]], *, frozen: bool
) -> Callable[..., None]:
    names: dict[str, Any] = {"_set": _set, "_missing": _MISSING}
    plain, keywords, body = list[str](), list[str](), list[str]()
    for field in fields:
        value = name = field.name
        if field.default_factory is not _MISSING:
            names[f"_new_{name}"] = field.default_factory
            value = f"_new_{name}() if {name} is _missing else {name}" if field.init else f"_new_{name}()"
        elif not field.init:
            continue  # the class has its value, or `__post_init__` sets it
        has_default = field.default is not _MISSING or field.default_factory is not _MISSING
        names[f"_default_{name}"] = field.default
        if field.init:
            (keywords if field.kw_only else plain).append(f"{name}=_default_{name}" if has_default else name)
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    parameters = ", ".join(["self", *plain, *(["*", *keywords] if keywords else ())])
    exec(f"def __init__({parameters}):\n " + "\n ".join(body or ["pass"]), names)  # noqa: S102
    made: Callable[..., None] = names["__init__"]
    made.__qualname__, made.__module__ = f"{cls.__qualname__}.__init__", cls.__module__
    made.__annotations__ = {field.name: field.type for field in fields if field.init} | {"return": None}
    return made


class _Signature:
    """The signature of a class, for `inspect`."""

    def __init__(self, cls: type) -> None:
        self._cls = cls

    def __get__(self, instance: object, owner: type) -> Signature:
        if instance is not None or owner.__init__ is not self._cls.__init__:  # type: ignore[misc]
            raise AttributeError("__signature__")
        from inspect import signature

        if finish := _pending.get(self._cls):
            finish()
        found = signature(self._cls.__init__)  # type: ignore[misc]
        return found.replace(parameters=list(found.parameters.values())[1:])


# ----- other methods ----------------------------------------------------------------------------------


def _values_of(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    """A function that returns these attributes as a tuple."""
    if not names:
        return lambda self: ()  # noqa: ARG005
    get: Callable[[Any], Any] = attrgetter(*names)
    return get if len(names) > 1 else lambda self: (get(self),)


def _repr_of(names: Sequence[str]) -> Callable[[Any], str]:
    from reprlib import recursive_repr

    def __repr__(self: Any) -> str:  # noqa: N807
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__qualname__}({values})"

    return recursive_repr()(__repr__)


def _comparing(fields: Iterable[dataclasses.Field[Any]], *, hashed: bool) -> Mapping[str, Any]:
    """`__eq__`, and `__hash__` where instances cannot change; else None."""
    compared = [field for field in fields if field.compare]
    values = _values_of([field.name for field in compared])
    to_hash = _values_of([field.name for field in compared if field.hash is None or field.hash])

    def __eq__(self: Any, other: object) -> Any:  # noqa: N807
        return values(self) == values(other) if type(other) is type(self) else NotImplemented

    def __hash__(self: Any) -> int:  # noqa: N807
        return hash(to_hash(self))

    return {"__eq__": __eq__, "__hash__": __hash__ if hashed else None}


def _getstate(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _setstate(self: Any, state: Iterable[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        _set(self, field.name, value)


def _freeze(cls: Any, names: frozenset[str]) -> None:
    def __setattr__(self: Any, name: str, value: Any) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")
        super(cls, self).__setattr__(name, value)

    def __delattr__(self: Any, name: str) -> None:  # noqa: N807
        if type(self) is cls or name in names:
            raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")
        super(cls, self).__delattr__(name)

    cls.__setattr__, cls.__delattr__ = __setattr__, __delattr__
