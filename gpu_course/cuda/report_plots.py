"""Figures of a traced launch: a request, its banks, a warp's lanes."""

import numpy as np

from gpu_course.cuda.analysis import (
    BANK_BYTES,
    BANKS,
    SECTOR_BYTES,
    WARP_SIZE,
    requests,
    warps_and_lanes,
)

# The Okabe-Ito palette, the colours of every chapter
BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
EDGES = {"color": "0.85", "linewidth": 0.6, "zorder": 0}
MOST_EDGES = 128  # more lines would paint the figure grey
MOST_TICKS = 4


def _axes(ax):
    """Return `ax`, or new axes."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    return plt.subplots()[1]


ACCESSES = ("load", "store", "atomic")


def first_request(record, line, spaces=("global", "shared"), kinds=ACCESSES):
    """Return site, lanes and addresses of the first request of a line.

    Raises
    ------
    ValueError
        If the line made no request to these spaces.
    """
    fits = [
        site.line == line and site.space in spaces and site.kind in kinds
        for site in record.sites
    ]
    events = np.flatnonzero(np.array(fits, dtype=bool)[record.site])
    if not len(events):
        raise ValueError(
            f"line {line} of {record.kernel} made no request to "
            f"{' or '.join(spaces)} memory"
        )
    number = record.site[events[0]]
    chosen = np.flatnonzero(record.site == number)
    request, ordered = requests(record, chosen)
    mine = request[np.flatnonzero(ordered == events[0])[0]]
    ordered = ordered[request == mine]
    _, lanes = warps_and_lanes(record, record.thread[ordered])
    return record.sites[number], lanes, record.value[ordered]


def plot_request(record, line, ax=None):
    """Draw lanes × addresses of a line's first request; return the axes.

    Faint lines mark the edges of sectors, or of words in shared memory. Ticks
    are at such edges.
    """
    site, lanes, address = first_request(record, line)
    ax = _axes(ax)
    place = "sector" if site.space == "global" else "word"
    unit = SECTOR_BYTES if site.space == "global" else BANK_BYTES
    base = int(address.min()) // unit * unit
    end = int(address.max()) + site.itemsize - base
    if end // unit < MOST_EDGES:
        ax.grid(False, axis="x")
        for edge in range(0, end + unit, unit):
            ax.axvline(edge, **EDGES)
    step = unit
    while step * MOST_TICKS < end:
        step *= 2
    ax.set_xticks(range(0, end + step, step))
    width = max(site.itemsize, end / 150)  # else it would be invisible
    ax.barh(
        lanes,
        np.full(len(lanes), width),
        left=address - base,
        height=0.8,
        color=BLUE,
    )
    ax.set(
        xlabel=f"bytes from the first {place}'s start",
        ylabel="lane",
        ylim=(WARP_SIZE - 0.5, -0.5),
        title=f"line {line}: {site.kind} {site.array}",
    )
    return ax


def plot_banks(record, line, ax=None):
    """Draw the banks of a line's first shared request; return the axes.

    Each cell is a word, labelled with the lanes that need it. Words stacked in
    one bank are served one after the other.
    """
    site, lanes, address = first_request(record, line, ("shared",))
    ax = _axes(ax)
    wanted = {}
    for lane, start in zip(lanes.tolist(), address.tolist(), strict=True):
        last = (start + site.itemsize - 1) // BANK_BYTES
        for word in range(start // BANK_BYTES, last + 1):
            wanted.setdefault(word, []).append(lane)
    height = [0] * BANKS
    for word in sorted(wanted):
        bank = word % BANKS
        colour = BLUE if height[bank] == 0 else VERMILION
        ax.bar(bank, 0.9, 0.9, bottom=height[bank] + 0.05, color=colour)
        owners = wanted[word]
        text = str(owners[0]) if len(owners) == 1 else f"{owners[0]}…"
        place = {"ha": "center", "va": "center", "fontsize": 5}
        ax.text(bank, height[bank] + 0.5, text, color="white", **place)
        height[bank] += 1
    ax.yaxis.get_major_locator().set_params(integer=True)
    ax.set(
        xlabel="bank",
        ylabel="words wanted of the bank",
        xlim=(-0.7, BANKS - 0.3),
        ylim=(0, max(height) + 0.2),
        title=f"line {line}: {site.kind} {site.array}, {max(height)}-way",
    )
    return ax


def plot_lanes(record, warp=0, ax=None):
    """Draw which lanes of a warp were active over time; return the axes.

    A column is one step that lanes of the warp executed together. Empty cells
    are lanes that waited or had left.
    """
    warps, lanes = warps_and_lanes(record, record.thread)
    events = np.flatnonzero(warps == warp)
    if not len(events):
        raise ValueError(f"warp {warp} of {record.kernel} has no events")
    # Events are recorded lane by lane. So a step is placed by its rank in the
    # order of its lanes' own events.
    steps = []
    for number in np.unique(record.site[events]):
        chosen = events[record.site[events] == number]
        request, ordered = requests(record, chosen)
        steps += np.split(ordered, np.flatnonzero(np.diff(request)) + 1)
    rank = np.empty(len(record.thread), dtype=np.int64)
    for lane in range(WARP_SIZE):
        mine = events[lanes[events] == lane]
        rank[mine] = np.arange(len(mine))
    epoch = record.epoch + record.warp_epoch.astype(np.int64)
    steps.sort(key=lambda s: (epoch[s[0]], rank[s].max(), s[0]))
    image = np.zeros((WARP_SIZE, len(steps)))
    for column, step in enumerate(steps):
        image[lanes[step], column] = 1
    ax = _axes(ax)
    from matplotlib.colors import ListedColormap

    ax.imshow(
        image,
        cmap=ListedColormap(["white", BLUE]),
        vmin=0,
        vmax=1,
        aspect="auto",
        interpolation="nearest",
    )
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set(xlabel="step", ylabel="lane", title=f"active lanes of warp {warp}")
    return ax
