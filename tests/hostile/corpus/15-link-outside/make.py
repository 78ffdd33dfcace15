"""The Dockerfile is a link."""
import os

os.symlink("../team-other.git/Dockerfile", "Dockerfile")
