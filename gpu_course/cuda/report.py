"""The report of a traced launch: totals, findings, and annotated source."""

from html import escape
from math import isfinite

from gpu_course.cuda import report_plots
from gpu_course.cuda.analysis import LineCounts, analyse

COLUMNS = ("requests", "sectors", "coalescing", "banks", "branch", "FLOPs")


class Report:
    """What one traced launch did, in total and for each source line.

    Counts are exact for the source as written. Compilers hoist and merge
    loads, so a profiler on a GPU may count fewer.

    Parameters
    ----------
    record : Record
    analysis : Analysis, optional
        The record's analysis; made here if not given.

    Attributes
    ----------
    findings : list of Finding
        Faults: first those that stopped or misled the launch, then memory
        faults by line.
    lines : dict of int to LineCounts
        The counts below, for each line that has any.
    """

    def __init__(self, record, analysis=None):
        self.record = record
        self.analysis = analyse(record) if analysis is None else analysis
        self.findings = [*record.findings, *self.analysis.findings]
        self.lines = self.analysis.lines

    @property
    def global_requests(self):
        """Loads, stores and atomics of warps to global memory."""
        return self.analysis.global_requests

    @property
    def global_sectors(self):
        """Sectors of 32 bytes that these requests needed."""
        return self.analysis.global_sectors

    @property
    def coalescing_efficiency(self):
        """Requested bytes over bytes of the sectors, from 0 to 1."""
        return self.analysis.coalescing_efficiency

    @property
    def shared_requests(self):
        """Loads, stores and atomics of warps to shared memory."""
        return self.analysis.shared_requests

    @property
    def shared_wavefronts(self):
        """Turns that shared memory takes: one per conflict-free request."""
        return self.analysis.shared_wavefronts

    @property
    def max_bank_conflict(self):
        """Most distinct words a request needed of one bank; 1: no conflict."""
        return self.analysis.max_bank_conflict

    @property
    def branch_efficiency(self):
        """Active lanes over lanes of the warps that executed bodies."""
        return self.analysis.branch_efficiency

    @property
    def flops(self):
        """Floating-point operations; a fused multiply-add is two."""
        return self.analysis.flops

    @property
    def bytes_moved(self):
        """Bytes that threads requested from global memory."""
        return self.analysis.bytes_moved

    @property
    def arithmetic_intensity(self):
        """FLOP per byte requested from global memory."""
        return self.analysis.arithmetic_intensity

    @property
    def barriers(self):
        """Barriers executed, each counted once per block."""
        return self.analysis.barriers

    def plot_request(self, line, ax=None):
        """Draw lanes × addresses of the first request of a line."""
        return report_plots.plot_request(self.record, line, ax)

    def plot_banks(self, line, ax=None):
        """Draw the banks that the first shared request of a line uses."""
        return report_plots.plot_banks(self.record, line, ax)

    def plot_lanes(self, warp=0, ax=None):
        """Draw the active lanes of a warp over time."""
        return report_plots.plot_lanes(self.record, warp, ax)

    def __repr__(self):
        count = len(self.findings)
        return f"<Report of {self.record.kernel}: {count} findings>"

    def __str__(self):
        parts = [self._title(), ""]
        rows = self._totals()
        width = max(len(name) for name, _ in rows)
        parts += [f"  {name:<{width}}  {value:>10}" for name, value in rows]
        parts += ["", "Findings" if self.findings else "No findings"]
        parts += [f"  {f.kind}: {f.message}" for f in self.findings]
        header = "".join(f"{name:>11}" for name in COLUMNS)
        parts += ["", f"{'line':>6}{header}"]
        for number, text in self._source():
            cells = "".join(f"{cell:>11}" for cell in self._cells(number))
            parts.append(f"{number:>6}{cells}  {text}".rstrip())
        return "\n".join(parts)

    def _repr_html_(self):
        totals = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th>"
            f"<td>{escape(value)}</td></tr>"
            for name, value in self._totals()
        )
        findings = "".join(
            f"<li><b>{escape(f.kind)}</b>: {escape(f.message)}</li>"
            for f in self.findings
        )
        findings = f"<ul>{findings}</ul>" if findings else "<p>No findings</p>"
        header = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS)
        bad = {finding.line for finding in self.findings}
        rows = []
        for number, text in self._source():
            cells = "".join(f"<td>{c}</td>" for c in self._cells(number))
            # Okabe-Ito vermilion: the colour of a fault in every chapter
            mark = " style='border-left:4px solid #D55E00'"
            rows.append(
                f"<tr{mark if number in bad else ''}><td>{number}</td>{cells}"
                "<td style='text-align:left'><pre style='margin:0'>"
                f"{escape(text)}</pre></td></tr>"
            )
        return (
            f"<p><b>{escape(self._title())}</b></p><table>{totals}</table>"
            f"{findings}<table><tr><th>line</th>{header}<th></th></tr>"
            f"{''.join(rows)}</table>"
        )

    def _title(self):
        record = self.record
        return f"{record.kernel}, grid {record.grid}, block {record.block}"

    def _totals(self):
        """Return name and value of each total, as text."""
        counts = self.analysis
        return [
            ("global requests", f"{counts.global_requests:,}"),
            ("global sectors", f"{counts.global_sectors:,}"),
            ("coalescing efficiency", _share(counts.coalescing_efficiency)),
            ("shared requests", f"{counts.shared_requests:,}"),
            ("worst bank conflict", f"{counts.max_bank_conflict}-way"),
            ("branch efficiency", _share(counts.branch_efficiency)),
            ("bytes moved", f"{counts.bytes_moved:,}"),
            ("FLOPs", f"{counts.flops:,}"),
            ("FLOP per byte", _ratio(counts.arithmetic_intensity)),
            ("barriers", f"{counts.barriers:,}"),
        ]

    def _source(self):
        """Return the numbered lines of the source."""
        lines = self.record.source.splitlines()
        return list(enumerate(lines, self.record.first_line))

    def _cells(self, number):
        """Return the numbers beside a line, empty where there are none."""
        counts = self.lines.get(number, LineCounts())
        memory, shared = counts.global_requests, counts.shared_requests
        requests = memory + shared
        return (
            f"{requests:,}" if requests else "",
            f"{counts.global_sectors:,}" if memory else "",
            _share(counts.coalescing_efficiency) if memory else "",
            f"{counts.max_bank_conflict}-way" if shared else "",
            _share(counts.branch_efficiency) if counts.body_lanes else "",
            f"{counts.flops:,}" if counts.flops else "",
        )


def _share(value):
    return f"{100 * value:.1f} %"


def _ratio(value):
    return f"{value:.3g}" if isfinite(value) else "-"
