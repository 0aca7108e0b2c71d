"""What is wrong with the faults of a rig file, and the plans of those that are right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from harness.rig_tables import Fault, Tables
from target.faults.kinds import KINDS
from target.faults.plans import FaultError, plan_of
from target.plan import FaultPlan


def fault_complaints(rig: Tables) -> Iterator[str]:
    """One for each fault that is none."""
    libraries = {library.name for library in rig.library}
    changers = {partition.name for library in rig.library for partition in library.partition}
    drives = {drive.name for drive in rig.drive}
    taken: set[str] = set()
    for number, fault in zip(count(1), rig.fault, strict=False):
        try:
            plan = plan_of(_table(fault), taken)
            taken.add(plan.name)
            known = drives | libraries | (set() if KINDS[plan.kind].drives else changers)
            if plan.unit != "*" and plan.unit not in known:
                names = ", ".join(sorted(known))
                raise FaultError("unit", f"there is no {plan.unit} for that: use * or {names}")
        except FaultError as error:
            yield f"{error.key} in [[fault]] {number}: {error.text}"


def fault_plans(rig: Tables) -> tuple[FaultPlan, ...]:
    """What the target is told of them."""
    plans: list[FaultPlan] = []
    for fault in rig.fault:
        plans.append(plan_of(_table(fault), [plan.name for plan in plans]))
    return tuple(plans)


def _table(fault: Fault) -> dict[str, object]:
    return {"kind": fault.kind, **(fault.model_extra or {})}
