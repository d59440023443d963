"""Kernels as work-item loops, compiled for the CPU by Numba.

A block is a loop over its threads. Where threads wait for each other the loop
is cut in two, and variables that live on across the cut become arrays with
one element per thread. So a barrier costs nothing but a second loop.
"""

import ast
from dataclasses import dataclass

import numpy as np
from numba.core import types
from numba.core.registry import cpu_target
from numba.np.numpy_support import as_dtype

from gpu_course.cuda.intrinsics import FENCES
from gpu_course.cuda.regions import (
    BLOCK_WIDE,
    Flatten,
    NotCompilable,
    annotate,
    assigned,
    is_uniform,
    uniform_names,
    used,
    waits,
)

INDICES = "_tx, _ty, _tz, _bx, _by, _bz, _bdx, _bdy, _bdz, _gx, _gy, _gz"
AXES = {
    "threadIdx": "_t{}", "blockIdx": "_b{}",
    "blockDim": "_bd{}", "gridDim": "_g{}",
}  # fmt: skip
THREADS = ["for _tz in range(_bdz):", "for _ty in range(_bdy):",
           "for _tx in range(_bdx):"]  # fmt: skip
PASSED = f"{INDICES}, _t, _b, _w"


@dataclass
class Program:
    """A kernel's source for Numba, and the arrays that it needs.

    Attributes
    ----------
    text : str
    space : dict
        Globals that the text refers to.
    scratch : list of (str, str, tuple, numpy.dtype)
        Name, ``"block"`` or ``"thread"``, shape, dtype: arrays allocated
        once a launch, with an axis for the threads in front of the latter.
    sites : list of (int, str)
        Line and array name of each bounds check.
    """

    text: str
    space: dict
    scratch: list
    sites: list


class Body(ast.NodeTransformer):
    """Rewrite the statements of one thread in terms of the loops' names."""

    def __init__(self, program, whole):
        self.program, self.whole = program, whole

    def site(self, node, name):
        self.program.sites.append((node.lineno, name))
        return len(self.program.sites) - 1

    def visit(self, node):
        plan = getattr(node, "plan", None)
        if plan is None:
            return super().visit(node)
        new = self.planned(node, *plan)
        new.type = getattr(node, "type", None)
        return ast.copy_location(new, node)

    def planned(self, node, kind, detail):
        if kind in ("index", "name"):
            return expression(index_text(detail))
        if kind == "array":
            return self.array(node, detail)
        if kind == "device":
            return self.device(node)
        if kind == "atomic":
            return self.atomic(node, detail)
        arguments = [self.visit(a) for a in node.args]
        if detail in ("grid", "gridsize"):
            return expression(grid_text(detail, node.args[0].value))
        if detail in FENCES:
            return ast.Constant(None)
        return call(f"_{detail}", *arguments)

    def array(self, node, kind):
        name = f"_array{len(self.program.scratch)}"
        dtype = as_dtype(node.type.dtype)
        if kind == "local":
            self.program.scratch.append((name, "thread", node.shape, dtype))
            return expression(f"_cleared({name}[_t])")
        if 0 in node.shape:
            self.program.scratch.append((name, "dynamic", (), dtype))
        else:
            self.program.scratch.append((name, "block", node.shape, dtype))
        return expression(f"_cleared({name})")

    def device(self, node):
        if node.device.yields:
            raise NotCompilable("a device function that waits, in place")
        name = f"_device{len(self.program.space)}_{node.device.source.name}"
        self.program.space[name] = device_function(node.device, self.program)
        arguments = [self.visit(a) for a in node.args]
        extra = [expression(n) for n in PASSED.split(", ")]
        return call(name, *extra, *arguments)

    def index(self, array, node, at):
        """Return the index with each axis checked."""
        owner = array.type
        name = ast.unparse(array)
        parts = node.elts if isinstance(node, ast.Tuple) else [node]
        kind = getattr(node, "type", None)
        if not isinstance(node, ast.Tuple) and isinstance(
            kind, types.BaseTuple
        ):
            parts = [
                ast.Subscript(node, ast.Constant(k), ast.Load())
                for k in range(len(kind))
            ]
        new = []
        for axis, part in enumerate(parts):
            if isinstance(part, ast.Slice):
                new.append(self.visit(part))
                continue
            size = expression(f"{name}.shape[{axis}]")
            size = self.visit(size)
            site = ast.Constant(self.site(at, name))
            extra = [expression(n) for n in ("_t", "_b", "_w")]
            new.append(call("_at", self.visit(part), size, site, *extra))
        if len(new) != owner.ndim or len(new) > 1:
            return ast.Tuple(new, ast.Load()) if len(new) > 1 else new[0]
        return new[0]

    def visit_Subscript(self, node):  # noqa: N802
        owner = getattr(node.value, "type", None)
        if not isinstance(owner, types.Array):
            return self.generic_visit(node)
        index = self.index(node.value, node.slice, node)
        new = ast.Subscript(self.visit(node.value), index, node.ctx)
        new.type = getattr(node, "type", None)
        return ast.copy_location(new, node)

    def atomic(self, node, operation):
        array, *rest = node.args
        if operation == "compare_and_swap":
            index = ast.Constant(0)
            index.type = types.int64
        else:
            index, *rest = rest
        values = [
            call(f"{array.type.dtype}", self.visit(v))
            if isinstance(array.type.dtype, types.Number)
            else self.visit(v)
            for v in rest
        ]
        place = self.index(array, index, node)
        return call(f"_atomic_{operation}", self.visit(array), place, *values)

    def visit_While(self, node):  # noqa: N802
        self.generic_visit(node)
        site = self.site(node, "")
        node.body.insert(0, statement(f"_poll(_w, {site}, _t, _b)"))
        return node

    def visit_For(self, node):  # noqa: N802
        plain = isinstance(node.iter, ast.Call) and all(
            isinstance(a, ast.Constant) for a in node.iter.args
        )
        inner = any(
            isinstance(n, ast.For | ast.While)
            for s in node.body
            for n in ast.walk(s)
        )
        self.generic_visit(node)
        if not plain or inner:
            site = self.site(node, "")
            node.body.insert(0, statement(f"_poll(_w, {site}, _t, _b)"))
        return node


def expression(text):
    return ast.parse(text, mode="eval").body


def statement(text):
    return ast.parse(text).body[0]


def call(name, *arguments):
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


def index_text(detail):
    if detail == "laneid":
        return "int32(_t % 32)"
    if detail == "warpsize":
        return "int32(32)"
    owner, axis = detail.split("_")
    return f"int32({AXES[owner].format(axis)})"


def grid_text(detail, count):
    if detail == "grid":
        parts = [f"_b{a} * _bd{a} + _t{a}" for a in "xyz"[:count]]
    else:
        parts = [f"_g{a} * _bd{a}" for a in "xyz"[:count]]
    return parts[0] if count == 1 else f"({', '.join(parts)})"


def unparsed(statements):
    lines = []
    for node in statements:
        ast.fix_missing_locations(node)
        lines += ast.unparse(node).splitlines()
    return lines


def device_function(typed, program):
    """Return a device function without waits, compiled with Numba."""
    import numba

    body = Body(program, typed)
    statements = [body.visit(s) for s in annotate(typed)]
    names = ", ".join([PASSED, *typed.source.parameters])
    lines = [f"def function({names}):"]
    lines += ["    " + line for line in unparsed(statements)]
    program.space |= {
        name: value
        for name, value in typed.source.names.items()
        if name not in program.space
    }
    program.text += "\n".join([*lines, "", ""])
    space = {**typed.source.names, **program.space}
    exec("\n".join(lines), space)
    return numba.njit(error_model="numpy", nogil=True)(space["function"])


class Blocks:
    """Write the body of a block: loops over threads, and what joins them."""

    def __init__(self, typed, program):
        self.typed, self.program = typed, program
        flatten = Flatten()
        self.body = flatten.block(annotate(typed))
        program.space |= flatten.names
        self.waits = any(map(waits, self.body))
        self.lines, self.depth = [], 2
        self.masks = 0
        self.rewriter = Body(program, typed)
        self.local = set().union(*map(assigned, self.body), set())
        self.parameters = set(typed.source.parameters)
        self.same = (
            uniform_names(self.body, self.parameters) if self.waits else set()
        )
        self.returns = self.waits and any(
            isinstance(n, ast.Return)
            for s in self.body
            for n in ast.walk(s)
        )
        self.kinds = {}
        if self.waits:
            self.regions = []
            self.collect(self.body)
            self.places()

    def add(self, *lines):
        self.lines += ["    " * self.depth + line for line in lines]

    # What lives where

    def collect(self, body):
        """List the regions, as sets of names, in the order of emission."""
        region = []

        def close():
            if region:
                self.regions.append(list(region))
                region.clear()

        for node in body:
            if not waits(node):
                if not self.shared_by_block(node):
                    region.append(node)
                continue
            close()
            if isinstance(node, ast.If | ast.While):
                self.regions.append([ast.Expr(node.test)])
                self.collect(node.body)
                self.collect(node.orelse)
            elif isinstance(node, ast.For):
                self.collect(node.body)
            else:
                self.regions.append([node])
        close()

    def shared_by_block(self, node):
        return isinstance(node, ast.Assign) and all(
            isinstance(t, ast.Name) and t.id in self.same
            for t in node.targets
        )

    def places(self):
        """Decide which variables need an element for every thread."""
        kinds, single = {}, {}
        for name in self.parameters & (self.local - self.same):
            position = self.typed.source.parameters.index(name)
            kinds[name] = {self.typed.argument_types[position]}
            single[name] = None
        for statement_ in self.body:
            for node in ast.walk(statement_):
                if isinstance(node, ast.Assign):
                    for target in node.targets:
                        self.note(target, node, kinds, single)
                elif isinstance(node, ast.For):
                    for name in assigned(node.target):
                        kinds.setdefault(name, set()).add(types.int64)
                        single[name] = None
        touched = {}
        for number, region in enumerate(self.regions):
            for node in region:
                for name in assigned(node) | used(node):
                    touched.setdefault(name, set()).add(number)
        self.again = {}  # name: the statement that computes it anew
        self.kept = {}  # name: its type, kept in an array
        for name in sorted(self.local - self.same):
            if len(touched.get(name, ())) < 2:
                continue
            source = single.get(name)
            if source is not None and self.repeatable(source):
                self.again[name] = source
                continue
            found = {k for k in kinds.get(name, ()) if k is not None}
            merged = cpu_target.typing_context.unify_types(*found)
            if not isinstance(merged, types.Number | types.Boolean):
                raise NotCompilable(f"{name} lives across a barrier")
            self.kept[name] = (merged, found)
            self.program.scratch.append(
                (f"_kept_{name}", "thread", (), as_dtype(merged))
            )

    def note(self, target, node, kinds, single):
        names = assigned(target)
        for name in names:
            single[name] = None if name in kinds else node
            kind = getattr(node.value, "type", None)
            if isinstance(target, ast.Tuple):
                parts = [e.id for e in target.elts if isinstance(e, ast.Name)]
                if isinstance(kind, types.BaseTuple) and name in parts:
                    kind = kind[parts.index(name)]
                elif isinstance(node.value, ast.Tuple):
                    kind = node.value.elts[parts.index(name)]
                    kind = getattr(kind, "type", None) or types.int64
            kinds.setdefault(name, set()).add(kind)

    def repeatable(self, node):
        """Whether a statement gives the same whenever it is done again."""
        if getattr(node.value, "plan", None) == ("array", "local"):
            return False
        for inner in ast.walk(node.value):
            plan = getattr(inner, "plan", None)
            if plan and plan[0] in ("array", "atomic", "device"):
                return False
            if plan and plan[0] == "call" and waits(inner):
                return False
            if isinstance(inner, ast.Subscript) and not isinstance(
                inner.type, types.Array
            ):
                owner = getattr(inner.value, "attr", "")
                if owner != "shape":
                    return False
        names = used(node.value) & self.local
        return all(name in self.again for name in names)

    # Writing

    def block(self, body, mask):
        region = []
        for node in body:
            if not waits(node):
                if self.waits and self.shared_by_block(node):
                    touched = set()
                    for other in region:
                        touched |= assigned(other) | used(other)
                    if touched & assigned(node):
                        self.region(region, mask)
                        region = []
                    self.add(*unparsed([self.rewriter.visit(node)]))
                else:
                    region.append(node)
                continue
            self.region(region, mask)
            region = []
            self.joint(node, mask)
        self.region(region, mask)

    def threads(self, mask):
        """Open the loop over threads; return the depth to go back to."""
        depth = self.depth
        for line in THREADS:
            self.add(line)
            self.depth += 1
        self.add("_t = (_tz * _bdy + _ty) * _bdx + _tx")
        if mask:
            self.add(f"if not {mask}[_t]:", "    continue")
        elif self.returns:
            self.add("if not _alive[_t]:", "    continue")
        if mask and self.returns:
            self.add("if not _alive[_t]:", "    continue")
        return depth

    def region(self, statements, mask):
        if not statements:
            return
        depth = self.threads(mask)
        self.values(statements)
        self.add(*unparsed(self.stores(statements)))
        self.depth = depth

    def values(self, statements):
        """Bring the variables that the region reads to this thread."""
        names = set()
        for node in statements:
            names |= used(node) | (assigned(node) & set(self.kept_names()))
        done = []
        pending = names & set(getattr(self, "again", ()))
        while pending:
            name = pending.pop()
            source = self.again[name]
            if source in done or source in statements:
                continue
            done.append(source)
            pending |= used(source.value) & set(self.again)
        for source in self.again_order(done):
            copied = ast.parse(ast.unparse(source)).body[0]
            del copied
            self.add(*unparsed([self.rewriter.visit(_copy(source))]))
        for name in sorted(names & set(self.kept_names())):
            self.add(f"{name} = _kept_{name}[_t]")

    def kept_names(self):
        return getattr(self, "kept", {})

    def again_order(self, done):
        return sorted(done, key=lambda node: node.lineno)

    def stores(self, statements):
        """Return the statements, with kept variables written back."""
        names = set()
        for node in statements:
            names |= assigned(node)
        names &= set(self.kept_names())
        save = [
            statement(f"_kept_{n}[_t] = {n}") for n in sorted(names)
        ]  # fmt: skip
        writer = _Leave(self.waits, save)
        new = []
        for node in statements:
            node = self.rewriter.visit(_copy(node))
            new += writer.rewrite(node, 0)
        return [*new, *save]

    def joint(self, node, mask):
        """Write a statement in which threads wait for each other."""
        if isinstance(node, ast.If | ast.While) and is_uniform(
            node.test, self.same, self.local
        ):
            word = "if" if isinstance(node, ast.If) else "while"
            test = ast.unparse(self.rewriter.visit(_copy(node.test)))
            self.add(f"{word} {test}:")
            self.depth += 1
            if word == "while":
                self.no_exit(node)
                site = self.rewriter.site(node, "")
                self.add(f"_poll(_w, {site}, 0, _b)")
            self.block(node.body, mask)
            self.add("pass")
            self.depth -= 1
            if node.orelse:
                self.add("else:")
                self.depth += 1
                self.block(node.orelse, mask)
                self.add("pass")
                self.depth -= 1
        elif isinstance(node, ast.For):
            if not is_uniform(node.iter, self.same, self.local):
                raise NotCompilable("a for whose threads leave at their own")
            self.no_exit(node)
            loop = self.rewriter.visit(_copy(node.iter))
            ast.fix_missing_locations(loop)
            self.add(f"for {ast.unparse(node.target)} in {ast.unparse(loop)}:")
            self.depth += 1
            site = self.rewriter.site(node, "")
            self.add(f"_poll(_w, {site}, 0, _b)")
            self.block(node.body, mask)
            self.depth -= 1
        elif isinstance(node, ast.If):
            yes, no = self.new_mask(), self.new_mask()
            self.split(node.test, yes, no, mask)
            self.block(node.body, yes)
            if node.orelse:
                self.block(node.orelse, no)
        elif isinstance(node, ast.While):
            self.no_exit(node)
            inside, spare = self.new_mask(), self.new_mask()
            first = mask or ("_alive" if self.returns else None)
            self.add(f"{inside}[:] = {first}[:]" if first
                     else f"{inside}[:] = True")  # fmt: skip
            self.add("while True:")
            self.depth += 1
            self.split(node.test, inside, spare, inside)
            self.add(f"if not {inside}.any():", "    break")
            site = self.rewriter.site(node, "")
            self.add(f"_poll(_w, {site}, 0, _b)")
            self.block(node.body, inside)
            self.depth -= 1
        else:
            self.wait(node, mask)

    def no_exit(self, node):
        for inner in ast.walk(node):
            if isinstance(inner, ast.Break | ast.Continue):
                raise NotCompilable("break or continue around a barrier")

    def new_mask(self):
        self.masks += 1
        name = f"_mask{self.masks}"
        self.program.scratch.append((name, "thread", (), np.dtype(bool)))
        return name

    def split(self, test, yes, no, mask):
        if mask != yes:
            self.add(f"{yes}[:] = False")
        self.add(f"{no}[:] = False")
        depth = self.threads(mask)
        self.values([ast.Expr(test)])
        condition = ast.unparse(
            ast.fix_missing_locations(self.rewriter.visit(_copy(test)))
        )
        self.add(f"_test = bool({condition})", f"{yes}[_t] = _test",
                 f"{no}[_t] = not _test")  # fmt: skip
        self.depth = depth

    def wait(self, node, mask):
        """Write a barrier or a warp operation."""
        plan, call_ = node.value.plan, node.value
        name = plan[1]
        here = mask or ("_alive" if self.returns else "_all")
        site = self.rewriter.site(node, "")
        if name in BLOCK_WIDE and mask:
            alive = "_alive" if self.returns else "_all"
            self.add(f"_all_here({mask}, {alive}, {site}, _b, _w)")
        if name in ("syncthreads", "syncwarp"):
            return
        count = len(self.program.scratch)
        slots = []
        if call_.args:
            depth = self.threads(mask)
            self.values([ast.Expr(a) for a in call_.args])
            for number, argument in enumerate(call_.args):
                slot = f"_slot{count}_{number}"
                slots.append(slot)
                dtype = as_dtype(getattr(argument, "type", None) or types.int64)
                if isinstance(argument, ast.Constant):
                    dtype = np.dtype(type(argument.value))
                self.program.scratch.append((slot, "thread", (), dtype))
                text = ast.unparse(
                    ast.fix_missing_locations(
                        self.rewriter.visit(_copy(argument))
                    )
                )
                self.add(f"{slot}[_t] = {text}")
            self.depth = depth
        target = node.targets[0].id if isinstance(node, ast.Assign) else None
        if name in BLOCK_WIDE:
            value = f"_{name}({here}, {', '.join(slots)})"
            if target in self.same:
                self.add(f"{target} = {value}")
                return
        kind = as_dtype(call_.type)
        result = f"_result{count}"
        self.program.scratch.append((result, "thread", (), kind))
        if name in BLOCK_WIDE:
            self.add(f"{result}[:] = {value}")
        else:
            names = ", ".join([here, result, *slots])
            self.add(f"_{name}({names})")
        if isinstance(node, ast.Assign):
            if len(node.targets) > 1 or target is None:
                raise NotCompilable("several targets of a warp operation")
            depth = self.threads(mask)
            place = f"_kept_{target}[_t]" if target in self.kept else target
            self.add(f"{place} = {result}[_t]")
            self.depth = depth

    def function(self):
        """Return the lines of the function that runs a range of blocks."""
        self.block(self.body, None)
        return self.lines


class _Leave:
    """Turn ``return`` into leaving the thread's turn of the loop."""

    def __init__(self, marks, save):
        self.marks, self.save = marks, save

    def rewrite(self, node, loops):
        if isinstance(node, ast.Return):
            if loops:
                raise NotCompilable("a return inside a loop of a region")
            alive = [statement("_alive[_t] = False")] if self.marks else []
            return [*alive, *self.save, ast.Continue()]
        if isinstance(node, ast.If | ast.For | ast.While):
            inner = loops + isinstance(node, ast.For | ast.While)
            node.body = [
                n for s in node.body for n in self.rewrite(s, inner)
            ]
            node.orelse = [
                n for s in node.orelse for n in self.rewrite(s, loops)
            ]
        return [node]


def _copy(node):
    import copy

    return copy.deepcopy(node)


def write(typed):
    """Write a typed kernel as a function of a range of blocks.

    Parameters
    ----------
    typed : lowering.Typed

    Returns
    -------
    Program

    Raises
    ------
    NotCompilable
        Where the plain run has to do it.
    """
    program = Program("", dict(typed.source.names), [], [])
    blocks = Blocks(typed, program)
    simple = not blocks.waits and any(
        isinstance(n, ast.Return) for s in blocks.body for n in ast.walk(s)
    )
    if simple:
        # A return leaves a function: so the thread is one.
        names = [PASSED, *typed.source.parameters]
        body = [blocks.rewriter.visit(_copy(s)) for s in blocks.body]
        arrays = [n for n, *_ in program.scratch]
        names = ", ".join(names + arrays)
        lines = [f"def _thread({names}):"]
        lines += ["    " + line for line in unparsed(body)]
        program.text += "\n".join(["@_njit", *lines, "", ""])
        depth = blocks.threads(None)
        blocks.add(f"_thread({names})")
        blocks.depth = depth
    else:
        blocks.function()
    scratch = [name for name, *_ in program.scratch]
    masks = ["_alive", "_all"] if blocks.waits else []
    names = ["_first", "_last", "_bdx, _bdy, _bdz", "_gx, _gy, _gz", "_w",
             *masks, *typed.source.parameters, *scratch]  # fmt: skip
    lines = [
        "@_njit",
        f"def _launch({', '.join(names)}):",
        "    for _b in range(_first, _last):",
        "        _poll(_w, -1, 0, _b)",
        "        _bx = _b % _gx",
        "        _by = _b // _gx % _gy",
        "        _bz = _b // (_gx * _gy)",
    ]
    if blocks.waits:
        lines.append("        _alive[:] = True")
    program.text += "\n".join(lines + blocks.lines) + "\n"
    return program
