"""The class that users hold, and what its methods need: printing, conversion, change in place, other libraries."""
