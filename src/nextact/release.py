"""The version of this release, which packages and runs name."""

VERSION = "0.1.0"
