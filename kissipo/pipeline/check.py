"""Checks the data of a task without training: every finding, failures included."""

from __future__ import annotations

from typing import NamedTuple

from kissipo.core.errors import UserError
from kissipo.core.finding import Finding
from kissipo.core.inferred_option import InferredOption
from kissipo.core.task import Task
from kissipo.pipeline.experiment import build_pipeline, findings_of, read_data, with_inferred
from kissipo.pipeline.init_weights import with_implied
from kissipo.pipeline.parse import read_task


class DataCheck(NamedTuple):
    """The findings of a data check, and the options that were inferred."""

    findings: list[Finding]
    inferred_options: tuple[InferredOption, ...] = ()


def check(task: Task) -> DataCheck:
    """Returns every finding in the order of the checks, and the inferred options, as
    `fit` prints them; a FAIL ends the checks and comes last."""
    try:
        task = with_implied(task)
        resolved = read_task(task)
        pipeline = build_pipeline(read_data(resolved), resolved, seed=0)
        inferred_options = with_inferred(task, pipeline)[1]
    except UserError as error:
        return DataCheck([*findings_of(task), *failed(error)], task.inferred)
    return DataCheck([*findings_of(task), *pipeline.findings], inferred_options)


def failed(error: UserError) -> list[Finding]:
    """Returns the findings before the error, and the error itself as the last
    finding."""
    findings = [item for item in getattr(error, "findings", ()) if isinstance(item, Finding)]
    if not any(finding.level == "FAIL" for finding in findings):
        value = f"; got {error.got}" if error.got else ""
        allowed = f"allowed: {error.allowed}" if error.allowed else ""
        findings.append(Finding("FAIL", "usable", error.wrong + value, error.do or allowed))
    return findings
