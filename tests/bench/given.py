"""What is collected in every measurement, and by whom."""

from xltools.roster import Unit

FORM, YEAR = "gov-info-disclosure/2021", 2023
COUNTY = Unit(name="示例县", code="X1", kind="已汇总", level="county")


def town(number: int) -> Unit:
    return Unit(name=f"示例{number}镇", code=f"U{number:05d}", parent="示例县", order=number)
