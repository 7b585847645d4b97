"""The names of the rule sets that can be measured."""

from enum import StrEnum


class RulesProfile(StrEnum):
    """`r1`: what every engine of the comparison does. `full`: what a shop grows into."""

    R1 = "r1"
    FULL = "full"
