"""Read a cubin, the file of a GPU's machine code."""

import linecache
import re
from pathlib import Path


class Sass(str):
    """Machine code as text, under the Python lines it was made from.

    Attributes
    ----------
    instructions : tuple of (int, str)
        The line number and the text of each instruction. The line is in the
        file or cell that holds the kernel; 0 if the compiler names none.
    """

    instructions = ()


def labelled(listing, filename):
    """Return nvdisasm's listing as `Sass`.

    For a device function that was inlined, the listing names its line and
    those of all callers. The innermost line in the kernel's file is used.
    """
    instructions, text, last = [], [], None
    places, complete = [], True
    for row in listing.splitlines():
        place = re.search(r'//## File "(.*?)", line (\d+)', row)
        code = re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*?)\s*;", row)
        if place:
            places = [] if complete else places
            complete = False
            if Path(place[1]).name == Path(filename).name:
                places.append(int(place[2]))
        elif code and code[1] != "NOP":  # NOPs only pad the end
            complete = True
            line = places[0] if places else 0
            if line != last:
                source = linecache.getline(filename, line).strip()
                text.append(f"line {line}: {source}")
                last = line
            text.append(f"    {code[1]}")
            instructions.append((line, code[1]))
        elif row.startswith(".L_x"):
            text.append(row)
    made = Sass("\n".join(text) + "\n")
    made.instructions = tuple(instructions)
    return made


def section_sizes(code):
    """Return {name: bytes} of the sections of a 64-bit ELF file.

    The layout is that of elf(5). The header locates the section table. Each
    row of the table locates a section's name and gives the section's size.
    """

    def number(start, size):
        return int.from_bytes(code[start : start + size], "little")

    table, row, count = number(40, 8), number(58, 2), number(60, 2)
    starts = [table + row * index for index in range(count)]
    names = number(starts[number(62, 2)] + 24, 8)
    sizes = {}
    for start in starts:
        first = names + number(start, 4)
        name = code[first : code.index(b"\0", first)].decode()
        sizes[name] = number(start + 32, 8)
    return sizes
