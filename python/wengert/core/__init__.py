"""The evaluation list, its walks, the constructors of operations, and the doors: what a value is, and no operation that
a user would name."""
