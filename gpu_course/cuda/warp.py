"""The results of warp operations in each lane."""

from gpu_course.cuda.threads import WARP


def _ballot(lane, parts, members):
    return signed(sum(1 << o for o in members if parts[o][1]))


def signed(mask):
    """Return a mask of 32 lanes as the int32 that Numba gives."""
    return mask - (1 << 32) if mask >> 31 else mask


def _match_any(lane, parts, members):
    value = parts[lane][1]
    return signed(sum(1 << o for o in members if parts[o][1] == value))


def _match_all(lane, parts, members):
    same = len({parts[o][1] for o in members}) == 1
    return (signed(sum(1 << o for o in members)) if same else 0, same)


VOTES = {
    "ballot_sync": _ballot,
    "any_sync": lambda lane, parts, m: any(parts[o][1] for o in m),
    "all_sync": lambda lane, parts, m: all(parts[o][1] for o in m),
    "eq_sync": lambda lane, parts, m: len({bool(parts[o][1]) for o in m}) == 1,
    "match_any_sync": _match_any,
    "match_all_sync": _match_all,
}
SOURCES = {
    "shfl_sync": lambda lane, amount: amount % WARP,
    "shfl_up_sync": lambda lane, amount: lane - amount,
    "shfl_down_sync": lambda lane, amount: lane + amount,
    "shfl_xor_sync": lambda lane, amount: lane ^ amount,
}


def answer(name, lane, parts):
    """Return the result of a warp operation for one lane.

    Parameters
    ----------
    name : str
    lane : int
    parts : dict
        Maps a lane to its arguments: a mask, a value, an amount.
    """
    if name == "syncwarp":
        return None
    if name == "activemask":
        return sum(1 << other for other in parts)
    if name in VOTES:
        mask = parts[lane][0]
        members = [other for other in parts if mask >> other & 1]
        return VOTES[name](lane, parts, members)
    source = SOURCES[name](lane, int(parts[lane][2]))
    # An absent lane has no value to give. CUDA leaves the result undefined;
    # here it is the reading lane's own value.
    return parts[source if source in parts else lane][1]
