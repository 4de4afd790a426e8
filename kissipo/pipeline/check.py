"""Checks the data of a task without training: every finding, failures included."""

from __future__ import annotations

from kissipo.core.errors import UserError
from kissipo.core.finding import Finding
from kissipo.core.task import Task
from kissipo.pipeline.experiment import build_pipeline, findings_of, read_data
from kissipo.pipeline.parse import read_task


def check(task: Task) -> list[Finding]:
    """Returns every finding in the order of the checks; a FAIL ends them and comes
    last."""
    try:
        resolved = read_task(task)
        pipeline = build_pipeline(read_data(resolved), resolved, seed=0)
        return [*findings_of(task), *pipeline.findings]
    except UserError as error:
        return [*findings_of(task), *failed(error)]


def failed(error: UserError) -> list[Finding]:
    """Returns the findings before the error, and the error itself as the last
    finding."""
    findings = [item for item in getattr(error, "findings", ()) if isinstance(item, Finding)]
    if not any(finding.level == "FAIL" for finding in findings):
        value = f"; got {error.got}" if error.got else ""
        findings.append(Finding("FAIL", "usable", error.wrong + value, error.do))
    return findings
