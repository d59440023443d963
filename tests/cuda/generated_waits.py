"""Statements at which the threads of a generated kernel wait or meet.

All running threads of a block reach each barrier, so the loops and branches
around it are uniform in the block. Other threads' slots are read only between
two barriers.
"""

from generated_statements import Statements

FULL = "0xFFFFFFFF"


class Waits(Statements):
    """Writes statements that every running thread of a block runs."""

    def step(self, scope, level, depth):
        """Write a statement that every running thread of the block runs."""
        choices = [self.plain, self.plain, self.divergent, self.divergent]
        if self.shared or "stage" in self.inputs:
            choices += [self.exchange] * 4
        if depth > 0:
            choices += [self.uniform_loop] * 3 + [self.uniform_branch]
        choices += [self.vote]
        if self.full and self.size % 32 == 0 and not self.tame:
            choices += [self.shuffle] * 5
        if level == 1:
            choices.append(self.leave)
        before = len(self.lines)
        self.random.choice(choices)(scope, level, depth)
        if len(self.lines) == before:
            self.put(level, "pass")

    def leave(self, scope, level, depth):
        self.early_return(scope, level)

    def early_return(self, scope, level, keep=""):
        """Let some threads return after they have written something."""
        condition = self.value(scope, "bool")
        if keep:
            condition = f"t != 0 and {condition}"
        self.put(level, f"if {condition}:")
        if self.chance(5) and not keep:
            self.output(scope, level + 1)
        self.put(level + 1, "return")
        self.full = False

    def exchange(self, scope, level, depth):
        """Write the thread's own slot, wait, read other slots, wait."""
        names = [*self.shared, *(["stage"] if "stage" in self.inputs else [])]
        name = self.random.choice(names)
        if name == "stage":
            if not self.full:
                return
            dtype, wide, operation = "int64", False, None
        else:
            dtype, wide, operation = self.shared[name]
        if not operation and not wide and name != "stage" and self.chance(2):
            self.waiting_call(scope, level, name, dtype)
            return
        if operation:
            self.put(level, self.atomic(scope, name, operation, 5, dtype))
        elif name == "stage" or self.chance(8):
            self.own_store(scope, level, name, dtype)
        if wide or operation or name == "stage" or not self.full:
            wait = "cuda.syncthreads()"
        elif self.size % 32 == 0 and self.chance(5):
            wait = "cuda.syncwarp()" if not self.tame else "cuda.syncthreads()"
        else:
            wait = "cuda.syncthreads()"
        self.put(level, wait)
        index = self.other(scope, wait)
        if operation:
            index = f"{self.random.choice(self.integers(scope))} % 5"
        elif name == "stage":
            index = f"b * SIZE + {index}"
        elif wide:
            index = self.slot(name, index)
        new = self.name("v")
        text = f"{name}[{index}]"
        category = "float" if dtype.startswith("float") else "int"
        if category == "int" and (self.tame or dtype.startswith("u")):
            text = f"int({text})" if self.tame else f"np.int64({text})"
        self.put(level, f"{new} = {text}")
        scope.variables[new] = (category, self.loops)
        self.reading.add(name)
        if self.chance(4):
            self.divergent(scope, level, 1)
        self.reading.discard(name)
        self.put(level, wait)
        self.warps |= "warp" in wait

    def waiting_call(self, scope, level, name, dtype):
        """Call a device function that exchanges, with barriers in it."""
        function, new = self.name("exchange"), self.name("v")
        early = self.chance(3)
        self.device_lines = [
            *self.device_lines,
            "@cuda.jit(device=True)",
            f"def {function}(tile, t, value):",
            "    tile[t] = value",
            "    cuda.syncthreads()",
            "    other = tile[SIZE - 1 - t]",
            "    cuda.syncthreads()",
            *(["    if other > value:", "        return other"] * early),
            f"    return {'value' if early else 'other'}",
            "",
        ]
        category = "float" if dtype.startswith("float") else "int"
        value = f"np.{dtype}({self.value(scope, category)})"
        self.put(level, f"{new} = {function}({name}, t, {value})")
        if category == "int":
            self.put(level, f"{new} = np.int64({new})")
        scope.variables[new] = (category, self.loops)

    def other(self, scope, wait):
        """Return the number of another thread's slot."""
        if "warp" in wait:
            lane = self.random.choice(("t ^ 1", "t ^ 16", "t - t % 32"))
            return f"({lane})"
        by = self.random.choice(self.integers(scope))
        return self.random.choice(
            (
                "(SIZE - 1 - t)",
                "((t + 1) % SIZE)",
                f"(({by} % SIZE + t) % SIZE)",
                f"({by} % SIZE)",
                "0",
            )
        )

    def vote(self, scope, level, depth):
        """Write a barrier that counts."""
        new = self.name("n")
        kind = self.random.choice(("count", "and", "or"))
        flag = self.value(scope, "bool")
        if self.tame:
            flag = f"int({flag})"
        elif self.chance(5):
            flag = f"np.int32({flag})"
        self.put(level, f"{new} = cuda.syncthreads_{kind}({flag})")
        scope.variables[new] = ("int", self.loops)
        scope.uniform.add(new)

    def shuffle(self, scope, level, depth):
        """Write a warp operation of full warps."""
        self.warps = True
        pick, new = self.random.choice, self.name("w")
        kind = pick(("shfl", "up", "down", "xor", "ballot", "vote", "match"))
        category = "int"
        if kind in ("ballot", "vote"):
            flag = self.value(scope, "bool")
            name = "ballot" if kind == "ballot" else pick(("any", "all"))
            text = f"cuda.{name}_sync({FULL}, {flag})"
            if kind == "ballot":
                text = f"np.int64({text})"
                if pick((True, False)):
                    text = f"cuda.popc(cuda.ballot_sync({FULL}, {flag}))"
            else:
                category = "bool"
        elif kind == "match":
            value = f"np.int32({self.value(scope, 'int')} % 4)"
            text = f"np.int64(cuda.match_any_sync({FULL}, {value}))"
        else:
            category = pick(("int", "float"))
            value = self.value(scope, category)
            dtype = category + pick(("32", "64"))
            amount = pick((1, 2, 7, 16))
            if kind == "shfl":
                amount = pick((0, 5, 31, "(t ^ 3) % 32", "t % 5"))
            name = "shfl_sync" if kind == "shfl" else f"shfl_{kind}_sync"
            text = f"cuda.{name}({FULL}, np.{dtype}({value}), {amount})"
        self.put(level, f"{new} = {text}")
        scope.variables[new] = (category, self.loops)

    def uniform_loop(self, scope, level, depth):
        """Write a loop with a count that is uniform in the block."""
        bound = self.value(scope, "int", uniform=True)
        bound = self.random.choice(
            ("2", "limit", f"{bound} % 4", f"abs({bound} % 3)")
        )
        inner = scope.copy()
        self.loops += 1
        if self.chance(5):
            k = self.name("k")
            spans = (
                f"range({bound})",
                f"range(1, {bound}, 2)",
                f"range({bound}, 0, -1)",
            )
            self.put(level, f"for {k} in {self.random.choice(spans)}:")
        else:
            k = self.name("c")
            self.put(level, f"{k} = 0")
            if not self.stays(bound, scope):
                bound = "3"
            self.put(level, f"while {k} < {bound}:")
            self.put(level + 1, f"{k} += 1")
        inner.variables[k] = ("int", self.loops)
        inner.uniform.add(k)
        # Variables that the body changes aren't uniform in later iterations.
        inner.uniform &= {"b", k}
        for _ in range(self.random.choice((1, 2))):
            self.step(inner, level + 1, depth - 1)
        if self.chance(2):
            self.put(level + 1, f"if {k} == limit:")
            self.put(level + 2, self.random.choice(("break", "continue")))
        self.loops -= 1
        scope.uniform &= inner.uniform

    def stays(self, bound, scope):
        """Return whether a bound is free of variables that may change."""
        return not any(
            name in bound for name in scope.variables if name != "b"
        )

    def uniform_branch(self, scope, level, depth):
        self.put(level, f"if {self.value(scope, 'bool', uniform=True)}:")
        arms = [scope.copy()]
        self.step(arms[0], level + 1, depth - 1)
        if self.chance(5):
            self.put(level, "else:")
            arms.append(scope.copy())
            self.step(arms[1], level + 1, depth - 1)
        scope.join(*arms, *([] if len(arms) > 1 else [scope.copy()]))
