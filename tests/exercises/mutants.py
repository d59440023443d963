"""Mutants of a solution: small changes that should make it wrong.

The rules: drop a barrier, drop a guard, drop a statement, flip a comparison,
swap indices, change a constant, swap an operator.
"""

import ast
import copy

FLIPS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt,),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt,),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
OPERATORS = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitXor: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}


def mutants(source):
    """Return the mutants of a source text.

    Decorators stay unchanged.

    Returns
    -------
    dict of str to str
        The change, such as ``i < n -> i <= n``, -> the source.
    """
    tree = ast.parse(source)
    decorators = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for decorator in node.decorator_list
        for inner in ast.walk(decorator)
    }
    found = {}
    for number, node in enumerate(ast.walk(tree)):
        if id(node) not in decorators:
            for what, change in changes(node):
                add(found, tree, number, what, change)
    return found


def add(found, tree, number, what, change):
    """Apply a change to a copy of the tree and store it under its label."""
    made = copy.deepcopy(tree)
    change(list(ast.walk(made))[number])
    text = ast.unparse(ast.fix_missing_locations(made))
    if text == ast.unparse(tree):
        return
    label, again = what, 1
    while label in found and found[label] != text:
        again += 1
        label = f"{what} ({again})"
    found[label] = text


def changes(node):
    """Yield for each rule the label and the change of such a node."""
    old = ast.unparse(node) if isinstance(node, ast.expr) else ""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for new in FLIPS.get(type(node.ops[0]), ()):

            def flip(n, new=new):
                n.ops = [new()]

            yield labelled(old, node, flip), flip
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:

        def swap(n):
            n.op = OPERATORS[type(n.op)]()

        yield labelled(old, node, swap), swap
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        for by in (1, -1):

            def step(n, by=by):
                n.value += by

            yield f"{node.value} -> {node.value + by}{where(node)}", step
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):

        def turn(n):
            n.slice.elts = n.slice.elts[::-1]

        yield labelled(old, node, turn), turn
    if isinstance(node, ast.Tuple) and isinstance(node.ctx, ast.Store):

        def reverse(n):
            n.elts = n.elts[::-1]

        yield labelled(old, node, reverse), reverse
    yield from changes_of_statement(node)


def changes_of_statement(node):
    if isinstance(node, ast.AugAssign) and type(node.op) in OPERATORS:

        def swap(n):
            n.op = OPERATORS[type(n.op)]()

        yield f"{ast.unparse(node)}: other operator{where(node)}", swap
    if isinstance(node, ast.If | ast.While | ast.For | ast.FunctionDef):
        for place, inner in enumerate(node.body):
            if isinstance(
                inner, ast.Assign | ast.AugAssign | ast.Expr | ast.Return
            ):

                def drop(n, place=place):
                    n.body[place] = ast.Pass()

                yield f"drop {ast.unparse(inner)}{where(inner)}", drop
            if isinstance(inner, ast.If) and not inner.orelse:

                def unguard(n, place=place):
                    n.body[place : place + 1] = n.body[place].body

                yield (
                    f"always {ast.unparse(inner.test)}{where(inner)}",
                    unguard,
                )


def labelled(old, node, change):
    made = copy.deepcopy(node)
    change(made)
    return f"{old} -> {ast.unparse(made)}{where(node)}"


def where(node):
    return f", line {node.lineno}"
