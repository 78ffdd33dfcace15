"""The Dockerfile is a link."""
import os

os.symlink("/etc/passwd", "Dockerfile")
