"""Mutants of a module: one small change each, applied to the module that is loaded.

A changed function gets its new code in place, so that whoever imported it runs the change. Left alone are
texts for people, log lines, metrics, annotations, class attributes, and locks, whose tests are races.
"""

import ast
import copy
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn},
    **{ast.NotIn: ast.In, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt},
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    **{ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.Div: ast.Mult},
    **{ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr},
}
NARROWING = ("filter", "exclude", "order_by")
TOLD = ("log", "metrics", "warnings")


@dataclass(frozen=True)
class Mutant:
    """Statement `statement` of the module, with its node number `node` replaced by its change `choice`."""

    file: str
    line: int
    end: int
    name: str
    change: str
    statement: int
    node: int
    choice: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.name}: {self.change}"


def mutants_of(file: Path, name: str) -> Iterator[Mutant]:
    for number, statement in enumerate(ast.parse(file.read_text(encoding="utf-8")).body):
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign):
            continue
        skipped = {id(node) for part in _left_alone(statement) for node in ast.walk(part)}
        for index, node in enumerate(ast.walk(statement)):
            if id(node) in skipped:
                continue
            for choice, changed in enumerate(changes(node)):
                text = f"{_text(node)}  ->  {_text(changed)}"
                line = getattr(node, "lineno", statement.lineno)
                end = getattr(node, "end_lineno", line)
                yield Mutant(name, line, end, _name(statement, node), text, number, index, choice)


def changes(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in COMPARISONS:
            yield _with(node, ops=[COMPARISONS[type(operator)]()])
        case ast.BoolOp(op=operator):
            yield _with(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
            for gone in range(len(node.values)):
                yield _with(node, values=node.values[:gone] + node.values[gone + 1 :])
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(op=operator) if type(operator) in OPERATORS:
            yield _with(node, op=OPERATORS[type(operator)]())
        case ast.Constant(value=bool() as value):
            yield _with(node, value=not value)
        case ast.Constant(value=int() as value):
            yield _with(node, value=value + 1)
        case ast.Constant(value=str() | bytes() as value) if value and not any(
            c in value for c in (" ", b" ") if type(c) is type(value)
        ):
            yield _with(node, value=("XX" if isinstance(value, str) else b"XX") + value)
        case ast.If() | ast.While() | ast.IfExp():
            yield _with(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield _with(node, value=ast.Constant(None))
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign():
            yield ast.Pass()
        case ast.Continue():
            yield ast.Break()
        case ast.Break():
            yield ast.Continue()
        case ast.Call(func=ast.Attribute(attr=attr, value=value)) if attr in NARROWING and node.keywords:
            if not isinstance(value, ast.Call) and attr == "exclude":
                return
            yield from (
                _with(node, keywords=node.keywords[:gone] + node.keywords[gone + 1 :])
                for gone in range(len(node.keywords))
            )


def _left_alone(statement: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(statement):
        match node:
            case ast.FunctionDef() | ast.ClassDef():
                yield from node.decorator_list
                if ast.get_docstring(node) is not None:
                    yield node.body[0]
                if isinstance(node, ast.FunctionDef) and node.returns:
                    yield node.returns
                if isinstance(node, ast.ClassDef):
                    yield from (each for each in node.body if not isinstance(each, ast.FunctionDef))
                    yield from node.bases
            case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
                yield annotation
            case ast.Expr(value=ast.Call(func=called)) if _root(called) in TOLD:
                yield node
            case ast.JoinedStr():
                yield node


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""


def _with(node: Any, **fields: object) -> Any:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _text(node: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split("\n")[0][:90]


def _name(statement: ast.stmt, node: ast.AST) -> str:
    if isinstance(statement, ast.ClassDef):
        for part in statement.body:
            if isinstance(part, ast.FunctionDef) and any(each is node for each in ast.walk(part)):
                return f"{statement.name}.{part.name}"
    target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
    return target.id if isinstance(target, ast.Name) else getattr(statement, "name", "")


def apply(mutant: Mutant, module: ModuleType) -> None:
    """Change the loaded module. There is no way back: the process is a fork of its own."""
    file = Path(module.__file__ or "")
    body = ast.parse(file.read_text(encoding="utf-8")).body
    statement = body[mutant.statement]
    _replace(statement, mutant)
    made = dict(vars(module))
    rest = body[mutant.statement + 1 :]
    again = [
        statement,
        *(each for each in rest if bound_with(each, mutant.name) or _by_default(each, mutant.name)),
    ]
    exec(compile(ast.fix_missing_locations(ast.Module(again, [])), str(file), "exec"), made)
    for each in again:
        if isinstance(each, ast.FunctionDef):
            _take_code(vars(module)[each.name], made[each.name])
        elif isinstance(each, ast.ClassDef):
            for name, new in vars(made[each.name]).items():
                _take_code(vars(vars(module)[each.name]).get(name), new)
    _rebind(module, made, {name for each in again for name in _bound(each)})


def _replace(statement: ast.stmt, mutant: Mutant) -> None:
    node = list(ast.walk(statement))[mutant.node]
    changed = list(changes(node))[mutant.choice]
    for parent in ast.walk(statement):
        for field, value in ast.iter_fields(parent):
            if value is node:
                setattr(parent, field, changed)
            elif isinstance(value, list) and any(each is node for each in value):
                setattr(parent, field, [changed if each is node else each for each in value])


def _take_code(old: Any, new: Any) -> None:
    old, new = _function(old), _function(new)
    if old is not None and new is not None:
        old.__code__, old.__defaults__ = new.__code__, new.__defaults__
        old.__kwdefaults__ = new.__kwdefaults__


def _function(found: Any) -> FunctionType | None:
    unwrapped: Callable[..., object] | None = getattr(found, "fget", None) or getattr(
        found, "__func__", found
    )
    unwrapped = inspect.unwrap(unwrapped) if callable(unwrapped) else None
    return unwrapped if isinstance(unwrapped, FunctionType) else None


def _bound(statement: ast.stmt) -> list[str]:
    """Return the names that an assignment binds."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def bound_with(statement: ast.stmt, name: str) -> list[str]:
    """Return the names that a statement of the module binds to what `name` stands for."""
    is_used = any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(statement))
    return _bound(statement) if is_used else []


def _by_default(statement: ast.stmt, name: str) -> bool:
    """True for a function with `name` as the default of an argument."""
    if not isinstance(statement, ast.FunctionDef):
        return False
    defaults = [*statement.args.defaults, *filter(None, statement.args.kw_defaults)]
    return any(isinstance(node, ast.Name) and node.id == name for each in defaults for node in ast.walk(each))


def _rebind(module: ModuleType, made: dict[str, Any], names: set[str]) -> None:
    for name in names:
        old = vars(module)[name]
        if made[name] is not old:
            for other in list(sys.modules.values()):
                if getattr(other, "__dict__", {}).get(name) is old:
                    setattr(other, name, made[name])
