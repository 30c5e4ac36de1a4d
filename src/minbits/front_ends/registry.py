"""The front ends: a new one is a file and a line here; files name them by their place."""

from __future__ import annotations

from minbits.front_ends.area import Area
from minbits.front_ends.base import FrontEnd
from minbits.front_ends.directions import Directions
from minbits.front_ends.moments import Moments
from minbits.registry import Registry

# What stands for none of them, in options and in files of spaces.
NO_FRONT_END = "none"
FRONT_ENDS: Registry[type[FrontEnd]] = Registry("front end", Moments, Area, Directions)
