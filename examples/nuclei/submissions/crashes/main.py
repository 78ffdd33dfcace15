"""Divides by zero."""

print("starting")
print(1 / 0)
