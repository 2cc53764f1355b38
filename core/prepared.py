"""Statements that Django's compiler writes once. Each use only binds values and sends them.

Writing SQL that was written before is most of what the ORM costs on a hot path. A statement is described
with the ORM, so that models stay the only place that knows columns, and how a value is stored:

    LIVE = Select(lambda value: Payment.objects.filter(live_for=value(Payment, "live_for")))
    payment = LIVE.first(live_for=order.pk)

The text is made at the first use for each kind of database. Only what stands as `value(model, field)` may
differ between uses; None is no value of a condition, which would be written another way. For hot paths
alone: core/tests/test_prepared.py holds each statement against the queryset that it stands for.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models import QuerySet, Value
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault
from django.db.models.query import ModelIterable, ValuesListIterable, get_related_populators
from django.db.models.signals import post_init, pre_init
from django.db.models.sql import InsertQuery, UpdateQuery

M = TypeVar("M")
R = TypeVar("R", bound=models.Model)

_AS_IS = (models.CharField, models.TextField, models.BigIntegerField, models.BigAutoField)
"""Fields whose values the driver takes as they are, on every database."""


class Placeholder(Value):
    """A value of a model's field that comes with each use. A Value, so that lookups write no parentheses."""

    def __init__(self, field: models.Field, name: str) -> None:
        super().__init__(None, output_field=field)
        self.name = name
        self._is_as_is = type(field) in _AS_IS

    def as_sql(self, compiler: Any, connection: Any) -> Any:
        return "%s", [self]

    def bound(self, values: dict[str, Any]) -> Any:
        value = values[self.name]
        return value if self._is_as_is else self.output_field.get_db_prep_save(value, connection)


MakeValue = Callable[..., Placeholder]


def _placeholder(model: type[models.Model], field: str, name: str = "") -> Placeholder:
    """Return a value of `field` ("pk" for the key), given to each use as `name`, or as the field's name."""
    found = model._meta.pk if field == "pk" else model._meta.get_field(field)
    target = found.target_field if isinstance(found, models.ForeignKey) else found
    assert isinstance(target, models.Field)
    return Placeholder(target, name or field)


class _Statement:
    """The parts of a statement by kind of database. Two threads may make the same parts at once."""

    def __init__(self) -> None:
        self._made: dict[str, Any] = {}

    def _parts(self) -> Any:
        parts = self._made.get(connection.vendor)
        if parts is None:
            parts = self._made[connection.vendor] = self._make()
        return parts

    def _make(self) -> Any:
        raise NotImplementedError

    @property
    def sql(self) -> str:
        """The text for the database in use."""
        return str(self._parts()[0])


def _bound(params: Iterable[Any], values: dict[str, Any]) -> list[Any]:
    return [param.bound(values) if type(param) is Placeholder else param for param in params]


class Select(_Statement, Generic[M]):
    """Rows of a queryset: instances, or tuples with values_list().

    select_related() and annotations work, prefetch_related() doesn't.
    """

    def __init__(self, describe: Callable[[MakeValue], QuerySet[Any, M]]) -> None:
        super().__init__()
        self._describe = describe

    def all(self, **values: Any) -> list[M]:
        sql, params, converters, instance = self._parts()
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, _bound(params, values))
                rows: Sequence[Any] = cursor.fetchall()
        except OverflowError:  # SQLite takes 64 bits. A queryset knows whether no row can match, or all do
            return list(self._describe(lambda _model, field, name="": values[name or field]))
        return [instance(_converted(row, converters)) for row in rows]

    def first(self, **values: Any) -> M | None:
        """Return the first row, or None. Give the queryset a limit where it may have many."""
        rows = self.all(**values)
        return rows[0] if rows else None

    def _make(self) -> Any:
        queryset: Any = self._describe(_placeholder)
        assert queryset._iterable_class in (ModelIterable, ValuesListIterable)
        assert not queryset._prefetch_related_lookups
        compiler = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        columns = [column[0] for column in compiler.select]
        made = _instances(compiler) if queryset._iterable_class is ModelIterable else tuple
        return sql, params, list(compiler.get_converters(columns).items()), made


class SelectMany(Generic[M]):
    """Rows of a queryset for many values at once, such as the photos of the homes of a page.

    A text names KEYS values, or a multiple of it. The last value fills up the rest.
    """

    KEYS = 24

    def __init__(
        self,
        model: type[models.Model],
        field: str,
        describe: Callable[[MakeValue, list[Any]], QuerySet[Any, M]],
    ) -> None:
        self._model, self._field, self._describe = model, field, describe
        self._by_size: dict[int, Select[M]] = {}

    def all(self, keys: Sequence[Any], **values: Any) -> list[M]:
        """Return the rows of `keys`. Sends nothing without any."""
        if not keys:
            return []
        size = -(-len(keys) // self.KEYS) * self.KEYS
        filled = [*keys, *[keys[-1]] * (size - len(keys))]
        return self._of(size).all(**{f"key{at}": key for at, key in enumerate(filled)}, **values)

    def _of(self, size: int) -> Select[M]:
        if size not in self._by_size:
            names = [f"key{at}" for at in range(size)]
            self._by_size[size] = Select(
                lambda value: self._describe(value, [value(self._model, self._field, name) for name in names])
            )
        return self._by_size[size]


class _Maker:
    """Makes instances as Model.from_db() does, without looking at each field of the model anew.

    Not where a model has a from_db() or a constructor of its own, or something listens to its constructor.
    """

    def __init__(self, model: Any) -> None:
        is_plain = model.from_db.__func__ is models.Model.from_db.__func__  # type: ignore[attr-defined]
        is_plain = is_plain and model.__init__ is models.Model.__init__
        is_heard = any(signal.has_listeners(model) for signal in (pre_init, post_init))
        self._model = model
        self.from_db = self._made if is_plain and not is_heard else model.from_db

    def _made(self, alias: str, names: Sequence[str], values: Sequence[Any]) -> Any:
        made = self._model.__new__(self._model)
        made._state = state = ModelState()
        made.__dict__.update(zip(names, values, strict=True))
        state.adding, state.db = False, alias
        return made


def _instances(compiler: Any) -> Callable[[Sequence[Any]], Any]:
    """Return a function that makes an instance of a row, as ModelIterable does."""
    info, annotations = compiler.klass_info, list((compiler.annotation_col_map or {}).items())
    model, first, end = _Maker(info["model"]), info["select_fields"][0], info["select_fields"][-1] + 1
    names = [column[0].target.attname for column in compiler.select[first:end]]
    populators = _with_makers(
        get_related_populators(info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]
    )

    def instance(row: Sequence[Any]) -> Any:
        made = model.from_db(DEFAULT_DB_ALIAS, names, row[first:end])
        for populator in populators:
            populator.populate(row, made)
        for name, at in annotations:
            setattr(made, name, row[at])
        return made

    return instance


def _with_makers(populators: Iterable[Any]) -> list[Any]:
    """Return these populators of joined rows with a faster from_db()."""
    for populator in populators:
        populator.model_cls = _Maker(populator.model_cls)
        _with_makers(populator.related_populators)
    return list(populators)


def _converted(row: Sequence[Any], converters: list[tuple[int, Any]]) -> Sequence[Any]:
    if not converters:
        return row
    converted = list(row)
    for at, (functions, expression) in converters:
        for function in functions:
            converted[at] = function(converted[at], expression, connection)
    return converted


class Update(_Statement):
    """New values for the rows of a queryset. A call returns the number of rows changed."""

    def __init__(self, describe: Callable[[MakeValue], tuple[QuerySet[Any], dict[str, Any]]]) -> None:
        super().__init__()
        self._describe = describe

    def __call__(self, **values: Any) -> int:
        sql, params = self._parts()
        with connection.cursor() as cursor:
            cursor.execute(sql, _bound(params, values))
            return int(cursor.rowcount)

    def _make(self) -> Any:
        queryset, values = self._describe(_placeholder)
        query: Any = queryset.query.chain(UpdateQuery)
        query.add_update_values(values)
        query.annotations = {}
        return query.get_compiler(connection=connection).as_sql()


_TAKEN: dict[type[models.Field], type] = {
    models.CharField: str,
    models.TextField: str,
    models.BigIntegerField: int,
    models.ForeignKey: int,
    models.DateTimeField: type(None),
}
"""Types of an instance's values that the driver takes as they are, beside None."""


def _taken(field: Any) -> type | None:
    """Return the type for a field, None if Django must turn each value or makes it when saving."""
    is_made = getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    return None if is_made else _TAKEN.get(type(field))


def _stored(row: models.Model, field: Any, taken: type | None) -> Any:
    value = row.__dict__.get(field.attname, row)  # the row itself, of no such type, where it is missing
    is_taken = value is None or type(value) is taken or (taken is str and isinstance(value, str))
    if taken and is_taken:
        return value
    return field.get_db_prep_save(_value(field, row), connection)


def _value(field: Any, row: models.Model) -> Any:
    value = field.pre_save(row, True)
    return field.db_default if isinstance(value, DatabaseDefault) else value


class Insert(_Statement, Generic[R]):
    """A new row of a model. A call saves an instance as save(force_insert=True) does, without signals."""

    def __init__(self, model: type[R]) -> None:
        super().__init__()
        self._model = model

    def __call__(self, row: R) -> R:
        sql, fields = self._parts()
        values = [_stored(row, field, taken) for field, taken in fields]
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
            if self._model._meta.auto_field:
                row.pk = cursor.lastrowid
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
        return row

    def _make(self) -> Any:
        auto = self._model._meta.auto_field
        fields = [field for field in self._model._meta.local_concrete_fields if field is not auto]
        assert not any(hasattr(field.db_default, "resolve_expression") for field in fields)
        row = self._model()
        for field in fields:  # a value for each: MariaDB's compiler writes the keyword DEFAULT otherwise
            setattr(row, field.attname, _value(field, row))
        query = InsertQuery(self._model)
        query.insert_values(fields, [row], raw=True)
        ((sql, _params),) = query.get_compiler(connection=connection).as_sql()
        return sql, [(field, _taken(field)) for field in fields]
