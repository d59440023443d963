"""Write the body of a block: work-item loops and the code between them."""

import ast

from numba.core import types
from numba.np.numpy_support import as_dtype

from gpu_course.cuda.body import Body, statement
from gpu_course.cuda.intrinsics import SHUFFLES
from gpu_course.cuda.liveness import assigned, copied, exposed, used
from gpu_course.cuda.places import (
    has_return,
    is_joint,
    is_plain_tuple,
    is_shuffle,
    pieces,
    placed,
)
from gpu_course.cuda.regions import BLOCK_WIDE, NotCompilable
from gpu_course.cuda.uniform import is_native, is_uniform

THREADS = [
    "for _tz in range(_bdz):",
    "for _ty in range(_bdy):",
    "for _tx in range(_bdx):",
]
BLOCKS = [
    "for _b in range(_first, _last):",
    "    _poll(_w, -1, 0, _b)",
    "    _bx = _b % _gx",
    "    _by = _b // _gx % _gy",
    "    _bz = _b // (_gx * _gy)",
]


class Blocks:
    """Write the body of a block: work-item loops and the code between them."""

    def __init__(self, body, program, parameters):
        self.program = program
        self.body, self.places = placed(body, parameters)
        # If all blocks wait for each other, each region loops over the grid.
        self.lines, self.depth = [], 1 if program.together else 2
        self.me = program.me
        self.masks = 0
        self.asked = []  # lines that check for missing threads
        self.open = []  # masks of the enclosing ifs and loops
        self.loops = []  # (mask, iteration mask, number of outer masks)
        self.rewriter = Body(program, self.places.several)
        several = program.waits or self.is_cut()
        self.returns = several and has_return(*body)
        for name, kind in self.places.kept.items():
            for place, part in enumerate(kind if is_plain_tuple(kind) else ()):
                self.scratch(f"_kept_{name}_{place}", part)
            if not is_plain_tuple(kind):
                self.scratch(f"_kept_{name}", kind)

    def scratch(self, name, kind):
        self.program.scratch[name] = ("thread", (), as_dtype(kind))
        return name

    def add(self, *lines):
        self.lines += ["    " * self.depth + line for line in lines]

    def uniform(self, node):
        return is_uniform(node, self.places.same, self.places.local)

    def block(self, body, mask):
        for region, node in pieces(body, self.places.of_block):
            self.region(region, mask)
            if node is None:
                continue
            if is_shuffle(node):
                self.offer(node, mask)
            elif is_joint(node):
                self.joint(node, mask)
            else:
                self.add(*self.rewriter.lines([node]))

    def is_cut(self):
        """Whether a kernel without waits still needs several loops.

        It does if a once-per-block statement must run after a region.
        """
        parts = pieces(self.body, self.places.of_block)
        return sum(node is None for _, node in parts) > 1

    def threads(self, mask):
        """Open the loop over threads; return the depth to restore."""
        depth = self.depth
        if self.program.together:
            self.add(*BLOCKS)
            self.depth += 1
        for line in THREADS:
            self.add(line)
            self.depth += 1
        self.add("_t = (_tz * _bdy + _ty) * _bdx + _tx")
        if self.program.together:
            self.add("_m = _b * _bdx * _bdy * _bdz + _t")
        marks = [mask] if mask else ["_alive"] if self.returns else []
        for name in marks:
            self.add(f"if not {name}[{self.me}]:", "    continue")
        return depth

    def region(self, statements, mask):
        if not statements:
            return
        depth = self.threads(mask)
        self.bring(statements)
        kept = sorted(assigned(*statements) & set(self.places.kept))
        save = [line for name in kept for line in self.saving(name)]
        leave = _Leave(self, [statement(line) for line in save])
        copies = [copied(s) for s in statements]
        statements = leave.block(copies, 0)
        if leave.deep:
            self.add("_gone = False")
        self.add(*self.rewriter.lines(statements), *save)
        self.depth = depth

    def bring(self, statements):
        """Load or recompute the variables that a region reads."""
        pending = exposed(statements) | assigned(*statements) & set(
            self.places.kept
        )
        again, kept = [], set()
        for name in sorted(pending):
            self.fetch(name, again, kept)
        self.add(*(f"{name} = {self.kept(name)}" for name in sorted(kept)))
        for name in dict.fromkeys(again):
            self.add(*self.rewriter.lines([self.places.again[name]]))

    def fetch(self, name, again, kept):
        """Note how a region gets a variable, and first what that needs."""
        if name in self.places.kept:
            kept.add(name)
        elif name in self.places.again and name not in again:
            source = self.places.again[name]
            for other in sorted(used(source.value)):
                self.fetch(other, again, kept)
            again += sorted(assigned(source), key=lambda n: n != name)[:1]

    def kept(self, name):
        """Return source that reads the kept value of a variable."""
        kind = self.places.kept[name]
        if not is_plain_tuple(kind):
            return f"_kept_{name}[{self.me}]"
        parts = [f"_kept_{name}_{k}[{self.me}]" for k in range(len(kind))]
        return f"({', '.join(parts)},)"

    def saving(self, name, at=None):
        """Return the lines that save a variable of a thread."""
        at = at or self.me
        kind = self.places.kept[name]
        if not is_plain_tuple(kind):
            return [f"_kept_{name}[{at}] = {name}"]
        return [
            f"_kept_{name}_{k}[{at}] = {name}[{k}]" for k in range(len(kind))
        ]

    def joint(self, node, mask):
        """Write a statement in which threads wait, or leave a loop."""
        if isinstance(node, ast.Break | ast.Continue):
            self.leave(node)
        elif isinstance(node, ast.If):
            self.branch(node, mask)
        elif isinstance(node, ast.For | ast.While):
            if not mask and is_native(
                node, self.places.same, self.places.local
            ):
                self.native(node)
            else:
                self.masked(node, mask)
        else:
            self.wait(node, mask)

    def leave(self, node):
        """Write a break or continue between regions."""
        if self.loops[-1] is None:
            self.add("break" if isinstance(node, ast.Break) else "continue")
            return
        gone = self.open[-1]
        others = [name for name in self.cleared(node) if name != gone]
        self.add(*(f"_less({name}, {gone})" for name in others))
        self.add(f"_clear({gone})")

    def cleared(self, node):
        """Return the masks that a break, continue or return clears."""
        if isinstance(node, ast.Return):
            if not self.returns:
                return []  # nothing follows the only region
            return ["_alive", *dict.fromkeys(self.open)]
        loop, iteration, outside = self.loops[-1]
        inner = [n for n in self.open[outside:] if n != loop]
        if isinstance(node, ast.Break):
            inner.append(loop)
        return list(dict.fromkeys([*inner, iteration]))

    def branch(self, node, mask):
        if not mask and self.uniform(node.test):
            self.add(f"if {self.rewriter.text(node.test)}:")
            self.nested(node.body, None)
            if node.orelse:
                self.add("else:")
                self.nested(node.orelse, None)
            return
        yes, no = self.new_mask(), self.new_mask()
        self.split(node.test, yes, no, mask)
        for body, part in ((node.body, yes), (node.orelse, no)):
            self.open.append(part)
            self.block(body, part)
            self.open.pop()

    def nested(self, body, mask):
        self.depth += 1
        self.block(body, mask)
        self.add("pass")
        self.depth -= 1

    def native(self, node):
        if isinstance(node, ast.For):
            target = ast.unparse(node.target)
            self.add(f"for {target} in {self.rewriter.text(node.iter)}:")
        else:
            self.add(f"while {self.rewriter.text(node.test)}:")
        self.poll(node)
        if has_return(*node.body):
            self.add("    if not _any(_alive):", "        break")
        self.loops.append(None)
        self.nested(node.body, None)
        self.loops.pop()

    def poll(self, node):
        self.add(
            f"    _poll(_w, {self.program.site(node)}, 0, "
            f"{0 if self.program.together else '_b'})"
        )

    def masked(self, node, mask):
        """Write a loop that its threads may leave at different times."""
        loop = self.new_mask()
        iteration = self.new_mask()
        outer = mask or ("_alive" if self.returns else "_all")
        self.add(f"_copy({loop}, {outer})", "while True:")
        self.depth += 1
        self.split(node.test, iteration, None, loop)
        self.add(f"_copy({loop}, {iteration})")
        self.add(f"if not _any({loop}):", "    break")
        self.depth -= 1
        self.poll(node)
        self.loops.append((loop, iteration, len(self.open)))
        self.open += [loop, iteration]
        self.nested(node.body, iteration)
        del self.open[-2:]
        self.loops.pop()

    def new_mask(self):
        self.masks += 1
        return self.scratch(f"_mask{self.masks}", types.boolean)

    def split(self, test, yes, no, mask):
        """Fill the masks of threads that pass a test, and that fail it."""
        masks = [yes, no] if no else [yes]
        self.add(*(f"_clear({name})" for name in masks))
        depth = self.threads(mask)
        self.bring([ast.Expr(test)])
        self.add(
            f"_test = bool({self.rewriter.text(test)})",
            f"{yes}[{self.me}] = _test",
        )
        if no:
            self.add(f"{no}[{self.me}] = not _test")
        self.depth = depth

    def wait(self, node, mask):
        """Write a barrier or a warp operation."""
        operation = node.value.plan[1]
        alive = "_alive" if self.returns else "_all"
        here = mask or alive
        site = self.program.site(node)
        if self.program.together:
            if mask or operation not in ("syncthreads", "grid_sync"):
                raise NotCompilable(f"{operation} between waits of the grid")
            return
        self.came(here)
        if operation in BLOCK_WIDE and mask:
            self.add(f"_all_here({mask}, {alive}, {site}, _b, _w)")
        number = self.masks = self.masks + 1
        slots = self.slots(node, mask, number)
        if operation in ("syncthreads", "grid_sync"):
            return
        if operation in BLOCK_WIDE:
            self.answer_block(node, operation, here, slots, number, mask)
            return
        self.check_mask(node, mask)
        if mask and operation != "activemask":
            self.missing(mask, alive, slots[0], site)
        if operation == "syncwarp":
            return
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        kind = node.value.type
        if (
            isinstance(target, ast.Name)
            and self.places.kept.get(target.id) == kind
        ):
            result = f"_kept_{target.id}"
            self.add(f"_{operation}({', '.join([here, result, *slots])})")
            return
        if isinstance(kind, types.BaseTuple):
            raise NotCompilable("a warp operation with two results")
        result = self.scratch(f"_result{number}", kind)
        self.add(f"_{operation}({', '.join([here, result, *slots])})")
        if target is not None:
            self.give(target, f"{result}[{self.me}]", mask)

    def came(self, here):
        """Check that no earlier warp operation misses these threads."""
        self.asked.append(len(self.lines))
        self.add(f"_came({here}, _missed, _b, _w)")

    def missing(self, mask, alive, named, site):
        """Note lanes that a warp operation names but that are absent.

        If all threads have arrived, there are none.
        """
        self.scratch("_missed", types.int32)
        self.add(f"_together({mask}, {alive}, {named}, _missed, {site})")

    def check_mask(self, node, mask):
        """Check that each thread is in the mask that it gives."""
        given = node.value.args[:1]
        if not given or getattr(given[0], "value", None) == 0xFFFFFFFF:
            return
        depth = self.threads(mask)
        self.bring([ast.Expr(given[0])])
        site = self.program.site(node)
        text = self.rewriter.text(given[0])
        self.add(f"_named({text}, _t, {site}, _b, _w)")
        self.depth = depth

    def asked_for(self):
        """Return the lines, without the checks if no thread can be missing."""
        if "_missed" in self.program.scratch:
            return self.lines
        dropped = set(self.asked)
        return [n for k, n in enumerate(self.lines) if k not in dropped]

    def offer(self, node, mask):
        """Write the stores of the values that a shuffle exchanges."""
        if self.program.together:
            raise NotCompilable("a shuffle between waits of the grid")
        call = node.value
        alive = "_alive" if self.returns else "_all"
        self.masks += 1
        named, slots = slice(0 if mask else 1, 2), self.masks
        names = self.slots(node, mask, slots, call.args[named])
        self.came(mask or alive)
        self.check_mask(node, mask)
        if mask:
            self.missing(mask, alive, names[0], self.program.site(node))
        call.offered, call.here = names[-1], mask or alive

    def slots(self, node, mask, number, arguments=None):
        """Write each thread's arguments to arrays; return their names."""
        operation = node.value.plan[1]
        if arguments is None:
            arguments = list(node.value.args)
        if operation == "syncwarp" and mask and not arguments:
            arguments = [ast.Constant(0xFFFFFFFF)]
        unread = not mask and operation == "syncwarp"
        slots = []
        depth = self.threads(mask) if arguments else self.depth
        self.bring([ast.Expr(a) for a in arguments])
        for place, argument in enumerate(arguments):
            kind = getattr(argument, "type", None) or types.int64
            if operation in SHUFFLES and argument is node.value.args[1]:
                kind = node.value.type
            slots.append(f"_slot{number}_{place}")
            if place or not unread:
                self.scratch(slots[-1], kind)
                value = self.rewriter.text(argument)
                self.add(f"{slots[-1]}[{self.me}] = {value}")
            else:
                self.add("pass")
        self.depth = depth
        return slots

    def answer_block(self, node, operation, here, slots, number, mask):
        """Write a barrier that gives all threads the same number."""
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        value = f"_{operation}({here}, {', '.join(slots)})"
        if target and self.places.of_block(node):
            self.add(f"{target.id} = {value}")
        elif target:
            self.add(f"_result{number} = {value}")
            self.give(target, f"_result{number}", mask)

    def give(self, target, value, mask):
        """Write the assignment of a result in each thread."""
        depth = self.threads(mask)
        if isinstance(target, ast.Name):
            kept = target.id in self.places.kept
            place = target.id
            if kept:
                place = f"_kept_{target.id}[{self.me}]"
        else:
            self.bring([ast.Expr(target.value), ast.Expr(target.slice)])
            place = self.rewriter.text(target)
        self.add(f"{place} = {value}")
        self.depth = depth


class _Leave:
    """Write return, break and continue of one thread inside a region."""

    def __init__(self, blocks, save):
        self.blocks, self.save = blocks, save
        self.deep = False  # whether a return is inside a loop

    def block(self, statements, loops):
        return [n for s in statements for n in self.statement(s, loops)]

    def statement(self, node, loops):
        leaves = isinstance(node, ast.Return) or hasattr(node, "exits")
        if leaves:
            masks = self.blocks.cleared(node)
            clear = [
                statement(f"{name}[{self.blocks.me}] = False")
                for name in masks
            ]
            if not loops:
                return [*clear, *self.save, ast.Continue()]
            self.deep = True
            gone = statement("_gone = True")
            return [*clear, *self.save, gone, ast.Break()]
        if isinstance(node, ast.If):
            node.body = self.block(node.body, loops)
            node.orelse = self.block(node.orelse, loops)
        elif isinstance(node, ast.For | ast.While):
            node.body = self.block(node.body, loops + 1)
            node.orelse = self.block(node.orelse, loops)
            if _has_return_mark(node):
                out = ast.Break() if loops else ast.Continue()
                return [node, ast.If(ast.Name("_gone", ast.Load()), [out], [])]
        return [node]


def _has_return_mark(node):
    return any(
        isinstance(n, ast.Name) and n.id == "_gone" for n in ast.walk(node)
    )
